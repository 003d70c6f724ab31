"""A person with a passkey that software plays, at a system whose issuer is a name, and whose clock the test moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin
from uuid import UUID

import pytest

from support.browser import query_of
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.planted_passkeys import plant_passkey
from support.relying_party import CodeResponse, Person, RelyingParty
from support.software_authenticator import SoftwareAuthenticator
from valetkey.core.authentication.acr import ACR_MFA
from valetkey.core.authentication.factor import Method
from valetkey.storage.postgres.tables.credentials import Credentials

if TYPE_CHECKING:
    from support.browser import Answer
    from support.document import Element
    from support.system import System
    from support.systems import MakeParty, StartSystem

ENROL, ASK, SIGN_IN = "Set up a passkey", "Confirm that it is you", "Sign in"


@dataclass(slots=True)
class PasskeyParty:
    """A relying party, its user, and that user's authenticator."""

    party: RelyingParty
    system: System
    device: SoftwareAuthenticator

    @property
    def subject(self) -> UUID:
        """Whose it is."""
        assert self.party.person is not None
        return UUID(self.party.person.subject)

    def answer(self, page: Answer, **wrong: Any) -> dict[str, str]:  # noqa: ANN401
        """The fields of the page's form for passkeys, filled in by the authenticator."""
        form = passkey_form(page)
        options = form.attributes["data-options"]
        ask = self.device.create if form.attributes["data-passkey"] == "create" else self.device.get
        fields = {
            each.attributes["name"]: each.attributes.get("value", "")
            for each in form.find_all("input")
            if "name" in each.attributes
        }
        return fields | {"passkey": ask(options, **wrong)}

    async def send(self, page: Answer, fields: dict[str, str]) -> Answer:
        """Post them where the page's form says, and follow our own redirects."""
        target = urljoin(page.url, passkey_form(page).attributes["action"])
        sent = await self.party.browser.post(target, list(fields.items()))
        return await self.party.browser.follow(sent, within=self.party.issuer)

    async def use(self, page: Answer, **wrong: Any) -> Answer:  # noqa: ANN401
        """Answer the page with the passkey."""
        return await self.send(page, self.answer(page, **wrong))

    async def enrol(self, **wrong: Any) -> Answer:  # noqa: ANN401
        """Set the passkey up, at a client that demands one; what is shown then."""
        demanding = await self.system.administration.create_web_client(required_acr=ACR_MFA)
        other = RelyingParty(self.party.issuer, demanding, self.party.person)
        try:
            page = await other.sign_in(await other.start())
            assert heading(page) == ENROL, page.text
            self.device.user_handle = None
            fields = self.answer(page, **wrong)
            target = urljoin(page.url, passkey_form(page).attributes["action"])
            return await other.browser.post(target, list(fields.items()))
        finally:
            await other.browser.close()

    async def remove(self) -> None:
        """As an operator removes what the user has set up."""
        async with self.system.administration.database() as database:
            await Credentials(database).remove_all(self.subject, [Method.PASSKEY])

    async def disable(self) -> None:
        """As an operator disables the user."""
        assert self.party.person is not None
        await self.system.administration.disable_user(self.party.person)

    async def finish(self, answer: Answer, verifier: str = "") -> CodeResponse:
        """What arrives at the client, after consent where that is asked for."""
        answer = await self.party.walk(answer)
        assert answer.is_redirect, f"{answer.status} at {answer.url}: {answer.text[:400]}"
        return CodeResponse(query_of(answer.location), verifier)


def passkey_form(page: Answer) -> Element:
    """The one form of a page that a passkey answers."""
    (form,) = (each for each in page.page.find_all("form") if "data-passkey" in each.attributes)
    return form


MakePasskeyParty = Callable[..., Awaitable[PasskeyParty]]


@pytest.fixture(scope="module")
def passkey_clock() -> MovableClock:
    """The clock of every process of the system below."""
    return MovableClock()


@pytest.fixture(scope="module")
def passkey_system(start_system: StartSystem, passkey_clock: MovableClock) -> System:
    """Browsers have passkeys for a name, and none for an address."""
    return start_system(host="localhost", clock=passkey_clock, replicas=2)


@pytest.fixture
def make_passkey_party(make_party: MakeParty, passkey_system: System) -> MakePasskeyParty:
    """A user who has a passkey, unless not ``enrolled``; ``device`` are fields of the authenticator."""

    async def make(
        person: Person | None = None,
        *,
        enrolled: bool = True,
        at: System | None = None,
        device: dict[str, Any] | None = None,
        **metadata: Any,  # noqa: ANN401 - any field of Client
    ) -> PasskeyParty:
        system = at or passkey_system
        client = await system.administration.create_web_client(**metadata)
        authenticator = SoftwareAuthenticator(system.origin, **(device or {}))
        made = PasskeyParty(await make_party(client, person, at=system), system, authenticator)
        # Also where it goes past the front door.
        made.party.browser.origin = system.origin
        if enrolled:
            asked, owner = system.settings.relying_party, made.party.person
            assert asked is not None
            assert owner is not None
            await plant_passkey(system.administration, asked, owner, authenticator)
        return made

    return make
