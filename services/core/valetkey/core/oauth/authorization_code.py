"""Authorization codes: what a code stands for and what it is bound to. OAuth 2.1 §4.1.2."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.encoding import b64url_encode
from valetkey.core.oauth.pkce import challenges_match
from valetkey.core.oidc.claims.request import NO_CLAIMS, ClaimsRequest

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.result import Authentication
    from valetkey.core.epoch import GrantEpochs
    from valetkey.core.oauth.scope import Scope

PREFIX = "vk_ac_"
# How long the row of an authorization is kept beyond its end. It lives no shorter than its code, and while that could
# be put back into Redis and be redeemed again, the primary key has to refuse it. Three times the tolerance: the code is
# accepted for one more than it lives, by a clock that is one behind, and the row is swept by a clock that is ahead.
REMEMBERED_AFTER_END = 3 * CLOCK_TOLERANCE
_VALUE = re.compile(r"vk_ac_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a user agreed to, waiting for the client to fetch it.

    ``authorization_id`` is fixed here, so that whatever is made of this code has one primary key and can exist once.
    ``unconfirmed_at`` are redemptions that may have stored it, although their client was told to come again.
    ``epochs`` are those that authorize had read; None from release 0.1.0. ``code_challenge`` is ``NO_CHALLENGE`` where
    the client sent none, and need not.
    """

    authorization_id: UUID
    client_uid: UUID
    redirect_uri: str
    code_challenge: str
    scope: Scope
    resources: tuple[str, ...]
    authentication: Authentication
    issued_at: datetime
    nonce: str | None = None
    claims: ClaimsRequest = NO_CLAIMS
    unconfirmed_at: tuple[datetime, ...] = ()
    epochs: GrantEpochs | None = None


@dataclass(frozen=True, slots=True)
class CodeBinding:
    """What ties a code to its client, its proof key and its redirect URI. OAuth 2.1 §4.1.3.

    ``redirect_uri`` is None where the token request omits it, which OAuth 2.1 permits. ``code_challenge`` is
    ``NO_CHALLENGE`` where it has no verifier: that fits a code without a challenge, and no other (RFC 9700 §2.1.1). The
    digests decide inside the store, before the code is taken.
    """

    client_uid: UUID
    code_challenge: str
    redirect_uri: str | None

    @property
    def holder_digest(self) -> bytes:
        """The SHA-256 of client and challenge."""
        return hashlib.sha256(self.client_uid.bytes + self.code_challenge.encode()).digest()

    @property
    def redirect_uri_digest(self) -> bytes | None:
        """The SHA-256 of the redirect URI."""
        return None if self.redirect_uri is None else hashlib.sha256(self.redirect_uri.encode()).digest()


class BindingPart(StrEnum):
    """A part of the binding, named after the parameter that presents it."""

    CLIENT = "client_id"
    VERIFIER = "code_verifier"
    REDIRECT_URI = "redirect_uri"


def generate_code() -> str:
    """A new code value of 256 bits."""
    return PREFIX + b64url_encode(secrets.token_bytes(32))


def is_code(value: str) -> bool:
    """Whether this has the shape of a code, so that nothing else is ever looked up as one."""
    return _VALUE.fullmatch(value) is not None


def code_digest(value: str) -> str:
    """The name a code is stored under: never its value."""
    return hashlib.sha256(value.encode()).hexdigest()


def mismatched_parts(code: AuthorizationCode, presented: CodeBinding) -> tuple[BindingPart, ...]:
    """The parts of the binding that are not those of the code. OAuth 2.1 §4.1.3."""
    is_mismatched = {
        BindingPart.CLIENT: presented.client_uid != code.client_uid,
        BindingPart.VERIFIER: not challenges_match(presented.code_challenge, code.code_challenge),
        BindingPart.REDIRECT_URI: presented.redirect_uri not in (None, code.redirect_uri),
    }
    return tuple(part for part, differs in is_mismatched.items() if differs)


class RedemptionOutcome(Enum):
    """What became of an attempt to take a code."""

    TAKEN = "taken"
    REPLAYED = "replayed"
    MISMATCHED = "mismatched"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Redemption:
    """The outcome, with the code where it was taken or validly presented again.

    ``mismatched`` is what did not match, for the log: empty where the stored code cannot be read.
    """

    outcome: RedemptionOutcome
    code: AuthorizationCode | None = None
    mismatched: tuple[BindingPart, ...] = ()

    @property
    def reason(self) -> str:
        """Why nothing was taken. It stays in the log, the span and the audit event."""
        parts = f": {', '.join(self.mismatched)}" if self.mismatched else ""
        return f"code is {self.outcome.value}{parts}"
