"""What should become of codes and tokens, said as simply as possible. Knows no store, no clock and no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.relying_party import CodeResponse, Reply

GRACE = timedelta(seconds=10)
ACCESS_TOKEN_LIFETIME = timedelta(seconds=600)
# The lifetime of a code, and how far clocks may differ.
CODE_LIFETIME = timedelta(seconds=60) + timedelta(minutes=5)
IDLE_LIFETIME = timedelta(days=10)
LIFETIME = timedelta(days=30)


class Expected(Enum):
    """What a presentation of a refresh token should lead to."""

    ROTATED = "a new token"
    SAME_SUCCESSOR = "the token that replaced it"
    REUSE = "the end of the grant"
    REFUSED = "nothing"


@dataclass(eq=False)
class LoginSession:
    """One signed-in browser."""

    is_alive: bool = True


@dataclass(eq=False)
class Code:
    """A code; ``agreement`` counts what has ended everything that the user agreed to before."""

    response: CodeResponse
    session: LoginSession
    is_offline: bool
    agreement: int
    issued_at: datetime
    is_spent: bool = False
    is_gone: bool = False
    grant: Grant | None = None

    @property
    def is_forgotten_at(self) -> datetime:
        """When it means nothing any more. One that is spent is remembered for the life of an access token longer."""
        return self.issued_at + CODE_LIFETIME + ACCESS_TOKEN_LIFETIME * self.is_spent

    def counts(self, now: datetime) -> bool:
        """Whether presenting it means anything."""
        return not self.is_gone and now < self.is_forgotten_at


@dataclass(eq=False)
class AccessToken:
    """An access token, and whether it has been revoked by itself."""

    value: str
    expires_at: datetime
    is_revoked: bool = False


@dataclass(eq=False)
class Grant:
    """What a code was redeemed for; the newest refresh token is the last."""

    session: LoginSession
    is_offline: bool
    expires_at: datetime
    rotated_at: datetime
    refresh_tokens: list[str]
    access_tokens: list[AccessToken]
    is_revoked: bool = False

    @property
    def is_idle_at(self) -> datetime:
        """When its refresh tokens have lain unused for too long."""
        return self.rotated_at + IDLE_LIFETIME

    def refreshes(self, now: datetime) -> bool:
        """Whether its newest refresh token is good."""
        return not self.is_revoked and now < min(self.expires_at, self.is_idle_at)

    def expected(self, index: int, now: datetime) -> Expected:
        """What presenting the refresh token at this place should lead to."""
        age = len(self.refresh_tokens) - 1 - index
        if not self.refreshes(now):
            return Expected.REFUSED
        if age == 0:
            return Expected.ROTATED
        return Expected.SAME_SUCCESSOR if age == 1 and now <= self.rotated_at + GRACE else Expected.REUSE

    def moments(self) -> Iterator[datetime]:
        """When something about it changes by itself."""
        yield from (self.expires_at, self.is_idle_at, self.rotated_at + GRACE)
        yield from (token.expires_at for token in self.access_tokens)


@dataclass
class Life:
    """A user at one client: everything that was ever handed out, and what still counts."""

    codes: list[Code] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    session: LoginSession | None = None
    agreement: int = 0
    is_enabled: bool = True

    def issue(self, response: CodeResponse, now: datetime, *, is_offline: bool) -> None:
        """The user has agreed; a session is begun where there was none."""
        if self.session is None or not self.session.is_alive:
            self.session = LoginSession()
        self.codes.append(Code(response, self.session, is_offline, self.agreement, now))

    def may_redeem(self, code: Code, now: datetime) -> bool:
        """Whether its rightful holder gets tokens for it now."""
        is_agreed = code.agreement == self.agreement and self.is_enabled
        return not code.is_spent and code.counts(now) and is_agreed and (code.is_offline or code.session.is_alive)

    def present(self, code: Code, now: datetime) -> None:
        """Its rightful holder has presented it: whatever the answer, it is spent; the second time, its grant ends."""
        if not code.counts(now):
            return
        if code.is_spent and code.grant is not None:
            code.grant.is_revoked = True
        code.is_spent = True

    def redeem(self, code: Code, reply: Reply, now: datetime) -> None:
        """It was redeemed for these tokens."""
        tokens = [AccessToken(reply.access_token, now + ACCESS_TOKEN_LIFETIME)]
        code.grant = Grant(code.session, code.is_offline, now + LIFETIME, now, [reply.refresh_token], tokens)
        self.grants.append(code.grant)

    def end_agreements(self) -> None:
        """All that was agreed to until now ends, with the grants that came of it."""
        self.agreement += 1
        for grant in self.grants:
            grant.is_revoked = True

    def end_everything(self) -> None:
        """The user begins anew: nothing of what was authenticated or agreed to before counts."""
        self.end_agreements()
        self.end_session()

    def end_session(self) -> None:
        """The user has signed out: what is bound to the session ends."""
        if self.session is not None:
            self.session.is_alive = False
        for grant in self.grants:
            if grant.session is self.session and not grant.is_offline:
                grant.is_revoked = True

    def forget_codes(self) -> None:
        """Redis has been emptied."""
        for code in self.codes:
            code.is_gone = True

    def moments(self) -> Iterator[datetime]:
        """When something changes by itself."""
        for grant in self.grants:
            yield from grant.moments()
        yield from (code.is_forgotten_at for code in self.codes)

    def active_tokens(self, now: datetime) -> Iterator[tuple[str, bool]]:
        """Every access token there ever was, and whether it should be active."""
        for grant in self.grants:
            for token in grant.access_tokens:
                yield token.value, not grant.is_revoked and not token.is_revoked and now < token.expires_at
