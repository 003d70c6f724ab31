"""Passkeys in use: enrolled, and asked for, with what is kept about them. WebAuthn §7.

A question carries its challenge to the browser and is kept nowhere. An answer counts for the form that it was asked in
alone: its token says which browser, step, interaction and user that is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from valetkey.authorize.login.passkeys.answer import AssertionAnswer, read_assertion, read_registration
from valetkey.authorize.login.passkeys.assertion import verify_assertion
from valetkey.authorize.login.passkeys.challenge import LIFETIME, SKEW, Challenges
from valetkey.authorize.login.passkeys.library import load_library
from valetkey.authorize.login.passkeys.options import Enrolling, assertion_options, registration_options
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.authorize.login.passkeys.registration import verify_registration
from valetkey.core.authentication.passkey import new_user_handle
from valetkey.core.encoding import b64url_decode, b64url_encode
from valetkey.storage.postgres.tables.passkeys import KeptPasskey, Passkeys
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import Standing, WindowLimit

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.core.authentication.relying_party import RelyingParty
    from valetkey.core.authentication.user import User
    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Settings
    from valetkey.storage.postgres.database.pool import Database
    from valetkey.storage.redis.limits.memory_reserve import MemoryReserve

_SIGN_IN, _SECOND_FACTOR, _ENROL = "sign in", "second factor", "enrol"
_SECOND = timedelta(seconds=1)


class Ceremonies:
    """``token`` is that of the form which a question stands in. Whatever is wrong with an answer is ``PasskeyRefused``.

    Raises ``TemporarilyUnavailable`` while a store is away: an answer that cannot be used up does not count.
    """

    @classmethod
    def from_settings(
        cls, settings: Settings, database: Database, redis: Redis, reserve: MemoryReserve, clock: Clock
    ) -> Self | None:
        """Those of an installation; None where it has no passkeys."""
        if settings.relying_party is None:
            return None
        storage = RateLimitStorage(redis, RATE_LIMITS, reserve)
        return cls(
            settings.relying_party,
            Challenges(settings.cookie_keys.reveal()),
            Passkeys(database),
            # As long as a challenge can be answered on any replica.
            WindowLimit(storage, "passkey_challenge", 1, (LIFETIME + 2 * SKEW) // _SECOND),
            WindowLimit(storage, "passkey_answers", settings.interactions_per_address, settings.login_lifetime),
            clock,
        )

    def __init__(
        self,
        party: RelyingParty,
        challenges: Challenges,
        store: Passkeys,
        spent: WindowLimit,
        answers: WindowLimit,
        clock: Clock,
    ) -> None:
        self._party = party
        self._challenges = challenges
        self._store = store
        self._spent = spent
        self._answers = answers
        self._clock = clock

    def ask_anyone(self, token: str) -> str:
        """The question of a login: it names no passkey, so that it tells nothing of any user."""
        return assertion_options(self._party, self._challenge(_SIGN_IN, token))

    async def ask(self, user: User, token: str) -> str:
        """The question of a second factor: for the passkeys of a user who has proven something already."""
        allowed = [kept.passkey for kept in await self._store.of_user(user.subject)]
        return assertion_options(self._party, self._challenge(_SECOND_FACTOR, token), allowed)

    async def is_limited(self, address: str) -> bool:
        """Count an answer to the question of a login; whether the address has given too many."""
        return await self._answers.count(address) is not Standing.WITHIN

    async def check_anyone(self, text: str, token: str) -> KeptPasskey:
        """The passkey of whomever an answer to ``ask_anyone`` names, used up."""
        return await self._check(text, _SIGN_IN, token)

    async def check(self, user: User, text: str, token: str) -> KeptPasskey:
        """The passkey of this user that has answered ``ask``, used up."""
        return await self._check(text, _SECOND_FACTOR, token, user)

    async def ask_to_enrol(self, user: User, name: str, token: str) -> tuple[str, str]:
        """The question for a new passkey, and the handle that its answer comes back with; ``name`` is ours."""
        known = [kept.passkey for kept in await self._store.of_user(user.subject)]
        handle = known[0].user_handle if known else new_user_handle()
        enrolling = Enrolling(handle, user.username, user.display_name)
        sent = b64url_encode(handle)
        return registration_options(self._party, name, enrolling, self._challenge(_ENROL, token, sent), known), sent

    async def enrol(self, user: User, text: str, handle: str, token: str, name: str) -> KeptPasskey | None:
        """Store the passkey that has answered ``ask_to_enrol``; None where it could not be stored for this user.

        ``name`` is the user's own for it.
        """
        answer = read_registration(text)
        challenge = answer.client_data.challenge
        # The challenge was made for this handle, so that it is the one that we made.
        self._challenges.require(challenge, self._clock(), _ENROL, token, handle)
        await load_library()
        passkey = verify_registration(answer, self._party, challenge, b64url_decode(handle))
        await self._use_up(challenge)
        kept = KeptPasskey(uuid4(), user.subject, passkey, self._party.rp_id)
        return kept if await self._store.add(user, kept, name, self._clock()) else None

    def _challenge(self, *context: str) -> bytes:
        return self._challenges.make(self._clock(), *context)

    async def _check(self, text: str, purpose: str, token: str, user: User | None = None) -> KeptPasskey:
        answer = read_assertion(text)
        self._challenges.require(answer.client_data.challenge, self._clock(), purpose, token)
        kept = await self._find(answer, user)
        await load_library()
        challenge, is_named = answer.client_data.challenge, user is not None
        used = verify_assertion(answer, self._party, challenge, kept.passkey, named=is_named)
        await self._use_up(challenge)
        if not await self._store.use(kept, used, self._clock()):
            raise PasskeyRefused("the passkey was removed, or used elsewhere, in the meantime")
        return kept._replace(passkey=used)

    async def _find(self, answer: AssertionAnswer, user: User | None) -> KeptPasskey:
        kept = await self._store.find(answer.credential_id)
        if kept is None:
            raise PasskeyRefused("the passkey is not known here")
        if user is not None and kept.subject != user.subject:
            raise PasskeyRefused("the passkey is another user's")
        return kept

    async def _use_up(self, challenge: bytes) -> None:
        if await self._spent.count(b64url_encode(challenge)) is not Standing.WITHIN:
            raise PasskeyRefused("the challenge was answered before")
