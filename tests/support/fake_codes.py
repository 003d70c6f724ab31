"""Authorization codes in memory: what `RedisCodes` promises, without a server."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from valetkey.core.oauth.authorization_code import (
    AuthorizationCode,
    CodeBinding,
    Redemption,
    RedemptionOutcome,
    code_digest,
    mismatched_parts,
)
from valetkey.core.oauth.errors import TooManyRequests
from valetkey.storage.redis.limits.code_limits import CodeLimits


class FakeCodes:
    """`CodeIssuer` and `CodeRedeemer`."""

    def __init__(self, limits: CodeLimits | None = None, /, *, lifetime: timedelta, tombstone: timedelta) -> None:
        self._lifetime = lifetime.total_seconds()
        self._tombstone = tombstone.total_seconds()
        self._limits = limits
        self._counted: dict[tuple[UUID, ...], list[float]] = {}
        self._fresh: dict[str, tuple[AuthorizationCode, float]] = {}
        self._spent: dict[str, tuple[AuthorizationCode, float]] = {}

    async def put(self, value: str, code: AuthorizationCode) -> None:
        if self._limits is not None:
            self._count(code, self._limits)
        self._fresh[code_digest(value)] = code, time.monotonic() + self._lifetime

    def _count(self, code: AuthorizationCode, limits: CodeLimits) -> None:
        subject, now = code.authentication.subject, time.monotonic()
        for key, limit in (
            ((subject, code.client_uid), limits.per_user_and_client),
            ((subject, code.authentication.session_id, subject), limits.per_session),
            ((subject,), limits.per_user),
        ):
            ends = self._counted[key] = [end for end in self._counted.get(key, ()) if end > now]
            if len(ends) >= limit:
                raise TooManyRequests("too many codes", int(self._lifetime))
            ends.append(now + self._lifetime)

    async def consume(self, value: str, binding: CodeBinding) -> Redemption:
        digest, now = code_digest(value), time.monotonic()
        fresh, spent = self._fresh.get(digest), self._spent.get(digest)
        if fresh is not None and fresh[1] > now:
            code, outcome = fresh[0], RedemptionOutcome.TAKEN
        elif spent is not None and spent[1] + self._tombstone > now:
            code, outcome = spent[0], RedemptionOutcome.REPLAYED
        else:
            return Redemption(RedemptionOutcome.UNKNOWN)
        if parts := mismatched_parts(code, binding):
            return Redemption(RedemptionOutcome.MISMATCHED, mismatched=parts)
        if outcome is RedemptionOutcome.TAKEN:
            self._spent[digest] = self._fresh.pop(digest)
        return Redemption(outcome, code)

    async def release(self, value: str, unconfirmed_at: datetime | None = None) -> None:
        digest = code_digest(value)
        if digest in self._spent:
            code, until = self._spent.pop(digest)
            abandoned = (*code.unconfirmed_at, *([unconfirmed_at] if unconfirmed_at else []))
            self._fresh[digest] = replace(code, unconfirmed_at=abandoned), until
