"""A person with a second factor, at a system whose clock the test moves: a code counts once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from support.authenticator import AuthenticatorApp, read_off
from support.browser import query_of
from support.front_channel import heading
from support.relying_party import CodeResponse, Person, RelyingParty
from valetkey.core.authentication.acr import ACR_MFA

if TYPE_CHECKING:
    from support.browser import Answer
    from support.movable_clock import MovableClock
    from support.system import System
    from support.systems import MakeParty

ENROL, ASK, CODES = "Set up an authenticator app", "Confirm that it is you", "Your recovery codes"


@dataclass(slots=True)
class SecondFactorParty:
    """A relying party, its user, and what that user has set up."""

    party: RelyingParty
    clock: MovableClock
    app: AuthenticatorApp | None = None
    recovery_codes: list[str] = field(default_factory=list)

    def next_code(self) -> str:
        """A code that was not used yet: the time of the system goes on for it."""
        assert self.app is not None
        self.clock.advance(seconds=30)
        return self.app.code(self.clock())

    async def set_up(self, page: Answer) -> Answer:
        """Set an app up on the page that asks for it; where the browser is sent afterwards."""
        assert heading(page) == ENROL, page.text
        self.app = read_off(page)
        shown = await self.party.browser.submit(page, code=self.app.code(self.clock()))
        if heading(shown) == CODES:
            self.recovery_codes = [each.text for each in shown.page.find_all("code")]
            (onward,) = (link for link in shown.page.find_all("a") if "button" in link.attributes.get("class", ""))
            return await self.go(onward.attributes["href"])
        return await self.party.browser.follow(shown, within=self.party.issuer)

    async def go(self, address: str) -> Answer:
        """Open an address of ours, and follow our own redirects."""
        origin = self.party.issuer.split("/", 3)
        url = address if "://" in address else "/".join(origin[:3]) + address
        return await self.party.browser.follow(await self.party.browser.get(url), within=self.party.issuer)

    async def answer(self, page: Answer, code: str, **fields: str) -> Answer:
        """Type a code on the page that asks for one."""
        assert heading(page) == ASK, page.text
        answer = await self.party.browser.submit(page, code=code, **fields)
        return await self.party.browser.follow(answer, within=self.party.issuer)

    async def to_second_factor(self, verifier: str | None = None, **changes: str | None) -> Answer:
        """As far as a password leads."""
        page = await self.party.start(verifier, **changes)
        if not page.is_redirect and "password" in {each.attributes.get("name") for each in page.page.find_all("input")}:
            page = await self.party.sign_in(page)
        return page

    async def finish(self, answer: Answer, verifier: str) -> CodeResponse:
        """What arrives at the client, after consent where that is asked for."""
        answer = await self.party.walk(answer)
        assert answer.is_redirect, f"{answer.status} at {answer.url}: {answer.text[:400]}"
        return CodeResponse(query_of(answer.location), verifier)


MakeSecond = Callable[..., Awaitable[SecondFactorParty]]


@pytest.fixture
def make_second(make_party: MakeParty, ageing_system: System, clock: MovableClock) -> MakeSecond:
    """A user of a client with this metadata; ``enrolled``: with an app that was set up at another client."""

    async def make(
        person: Person | None = None,
        *,
        enrolled: bool = False,
        at: System | None = None,
        **metadata: Any,  # noqa: ANN401 - any field of Client
    ) -> SecondFactorParty:
        system = at or ageing_system
        administration = system.administration
        client = await administration.create_web_client(**metadata)
        second = SecondFactorParty(await make_party(client, person, at=system), clock)
        if enrolled:
            demanding = await administration.create_web_client(required_acr=ACR_MFA)
            other = SecondFactorParty(await make_party(demanding, second.party.person, at=system), clock)
            await other.set_up(await other.to_second_factor())
            second.app, second.recovery_codes = other.app, other.recovery_codes
        return second

    return make
