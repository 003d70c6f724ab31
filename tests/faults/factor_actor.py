"""A user who proves things that count once: a recovery code, a time step of an app, a link to a new password.

Each is used at both replicas at once, in a browser each, and once more afterwards. Every visit is another user's, so
that no limit of guesses is met.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from aiohttp import ClientError

from faults.call import Answer, Outcome
from faults.caller import browser
from faults.journey import answer_from
from faults.site import REPLICAS
from support.authenticator import AuthenticatorApp
from support.relying_party import RelyingParty
from valetkey.core.authentication.account_token import LIFETIME, TokenPurpose, generate_token, token_digest
from valetkey.core.authentication.recovery_code import code_digest, generate_codes
from valetkey.core.authentication.totp import generate_secret
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.routes import CONSENT
from valetkey.core.sealed_value import Purpose, SealingKeys, ValueSealer
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.tables.account_tokens import AccountTokens
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.users import Users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faults.history import History
    from faults.site import Site
    from support.browser import Answer as Page
    from support.browser import Browser
    from support.relying_party import ClientIdentity, Person
    from valetkey.core.authentication.user import User
    from valetkey.storage.postgres.database.pool import Database

RECOVERY_CODE, TIME_STEP, RESET_LINK = "prove by recovery code", "prove by time step", "reset by link"
KINDS = (RECOVERY_CODE, TIME_STEP, RESET_LINK)
GIVEN = "once"
"""What a call of these kinds calls the thing that counts once."""
REFUSED = "refused"
_STATUS = {RECOVERY_CODE: 403, TIME_STEP: 403, RESET_LINK: 410}
_OK = 200
_PAUSE = 0.1


@dataclass(slots=True)
class FactorActor:
    """Signs in at a client that demands two factors."""

    name: str
    site: Site
    history: History
    client: ClientIdentity

    async def visit(self) -> None:
        """One thing of each kind that counts once, and three who use it."""
        await asyncio.gather(*(self._race(kind) for kind in KINDS))

    async def settle(self) -> None:
        """Nothing is left over: every visit ends with what it has made."""

    async def _race(self, kind: str) -> None:
        person = await self._person()
        value = None if person is None else await self._given(kind, person)
        if person is None or value is None:
            await asyncio.sleep(_PAUSE)
            return
        windows = [browser() for _ in range(REPLICAS + 1)]
        try:
            name = self.history.name(kind, f"{person.subject} {value}")
            ready = await asyncio.gather(
                *(self._ready(kind, person, value, window, number % REPLICAS) for number, window in enumerate(windows))
            )
            await asyncio.gather(*(self._use(kind, name, number, ready[number]) for number in range(REPLICAS)))
            await self._use(kind, name, 0, ready[REPLICAS])
        finally:
            for window in windows:
                await window.close()

    async def _use(self, kind: str, name: str, number: int, use: Callable[[], Awaitable[Page]] | None) -> None:
        if use is None:
            return

        async def question() -> Answer:
            page = await use()
            if page.status == _OK or (page.is_redirect and CONSENT.path in page.location):
                return Answer(Outcome.DONE, page.status)
            error = REFUSED if page.status == _STATUS[kind] else str(page.status)
            return answer_from(page.status, error, page.headers)

        await self.history.ask(
            kind, actor=self.name, at=f"authorize-{number}", given={GIVEN: name}, question=question()
        )

    async def _ready(
        self, kind: str, person: Person, value: str, window: Browser, number: int
    ) -> Callable[[], Awaitable[Page]] | None:
        """Go as far as to the button; None where a fault is in the way."""
        url = self.site.replicas["authorize"][number].url
        party = RelyingParty(url, self.client, person, window)
        try:
            if kind == RESET_LINK:
                page = await window.get(f"{url}/recover/password?token={value}")
                password = secrets.token_urlsafe(16)
                fields = {"password": password, "again": password}
            else:
                page, fields = await party.sign_in(await party.start()), {"code": value}
            if page.status != _OK or not {"code", "password"} & _names(page):
                return None
        except (ClientError, OSError, ValueError):
            return None
        return lambda: window.submit(page, **fields)

    # What the operator of these users has set up

    async def _person(self) -> Person | None:
        try:
            return await self.site.administration.create_user()
        except TemporarilyUnavailable:
            return None

    async def _given(self, kind: str, person: Person) -> str | None:
        """Give the user what this is about; None while PostgreSQL is away."""
        store = {RECOVERY_CODE: _recovery_code, TIME_STEP: self._app, RESET_LINK: _reset_link}[kind]
        try:
            async with self.site.administration.database() as database:
                user = await Users(database).find_by_subject(UUID(person.subject))
                return None if user is None else await store(database, user)
        except TemporarilyUnavailable:
            return None

    async def _app(self, database: Database, user: User) -> str:
        secret, credential_id = generate_secret(), uuid4()
        sealer = ValueSealer(SealingKeys(self.site.administration.settings.credential_keys.reveal()))
        sealed = sealer.seal(Purpose.TOTP_SECRET, f"{user.subject}/{credential_id}", secret)
        await Credentials(database).add_totp(user, credential_id, "App", sealed, 0, system_clock())
        return AuthenticatorApp(secret).code(system_clock())


async def _recovery_code(database: Database, user: User) -> str:
    """One of several: without another one a second factor would have to be set up."""
    codes = generate_codes()
    digests = [(uuid4(), digest) for code in codes if (digest := code_digest(user.subject, code)) is not None]
    await Credentials(database).replace_recovery_codes(user, digests, system_clock())
    return codes[0]


async def _reset_link(database: Database, user: User) -> str:
    token, now = generate_token(), system_clock()
    digest = token_digest(TokenPurpose.PASSWORD_RESET, token)
    assert digest is not None
    await AccountTokens(database).put(digest, TokenPurpose.PASSWORD_RESET, user, now, now + LIFETIME)
    return token


def _names(page: Page) -> set[str]:
    return {field.attributes.get("name", "") for field in page.page.find_all("input")}
