"""What a token says, read without any request; pure. Its signature is not checked: that needs the issuer's keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt

from valetkey.core.jose.verify_own import (
    MAX_TOKEN_LENGTH,
    KeySet,
    require_issued_by,
    require_unexpired,
    verify_signature,
)
from valetkey.core.oauth import access_token
from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.refresh_token import PREFIX as REFRESH_TOKEN_PREFIX
from valetkey.core.oidc import id_token

_TIMES = ("exp", "iat", "nbf", "auth_time", "updated_at")
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


class TokenKind(StrEnum):
    """What we issue, and what we do not."""

    ACCESS_TOKEN = "access_token"  # noqa: S105 - a kind, not a secret
    ID_TOKEN = "id_token"  # noqa: S105 - as above
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - as above
    OTHER_JWT = "other_jwt"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TokenReading:
    """What stands in a token; ``problems`` are the reasons not to believe it, and ``is_verified`` whether we looked."""

    kind: TokenKind
    header: Mapping[str, object] = field(default_factory=dict)
    claims: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    is_verified: bool = False


def read_token(token: str) -> TokenReading:
    """Take a token apart without checking its signature. Only the issuer can read a refresh token."""
    if token.startswith(REFRESH_TOKEN_PREFIX):
        return TokenReading(TokenKind.REFRESH_TOKEN)
    if len(token) > MAX_TOKEN_LENGTH:
        return TokenReading(TokenKind.UNKNOWN, problems=(f"longer than {MAX_TOKEN_LENGTH} characters",))
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return TokenReading(TokenKind.UNKNOWN, problems=("neither a JWT nor one of our refresh tokens",))
    header, claims = parts["header"], parts["payload"]
    return TokenReading(_kind(str(header.get("typ")), claims), header, claims)


def _kind(typ: str, claims: Mapping[str, object]) -> TokenKind:
    if typ == access_token.TYP or access_token.TOKEN_USE in claims:
        return TokenKind.ACCESS_TOKEN
    return TokenKind.ID_TOKEN if typ == id_token.TYP else TokenKind.OTHER_JWT


def verify_reading(token: str, reading: TokenReading, keys: KeySet, issuer: str, now: datetime) -> TokenReading:
    """The same with every reason not to believe it: signature, issuer and time. Revocation only the issuer knows."""
    if reading.kind not in (TokenKind.ACCESS_TOKEN, TokenKind.ID_TOKEN):
        problems = (*reading.problems, "nothing that published keys could verify")
        return replace(reading, problems=problems, is_verified=True)
    checks: tuple[Callable[[], object], ...] = (
        lambda: verify_signature(token, keys, str(reading.header["typ"])),
        lambda: require_issued_by(reading.claims, issuer),
        lambda: require_unexpired(reading.claims, now),
    )
    problems = tuple(reason for check in checks if (reason := _refusal(check)) is not None)
    return replace(reading, problems=problems, is_verified=True)


def _refusal(check: Callable[[], object]) -> str | None:
    try:
        check()
    except InvalidToken as error:
        return error.reason
    return None


def explained_claims(claims: Mapping[str, object], now: datetime) -> dict[str, object]:
    """The claims for people: times as such, and how far away they are."""
    return {name: _explained(name, value, now) for name, value in claims.items()}


def _explained(name: str, value: object, now: datetime) -> object:
    if name not in _TIMES or isinstance(value, bool) or not isinstance(value, int):
        return value
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return value
    return f"{moment:%Y-%m-%dT%H:%M:%SZ} ({distance(moment, now)})"


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now, in the largest unit that fits: ``in 9 min``, ``2 h ago``."""
    away = abs(moment - now)
    name, length = next((unit for unit in _UNITS if away >= timedelta(seconds=unit[1])), _UNITS[-1])
    count = f"{int(away.total_seconds() // length)} {name}"
    return f"in {count}" if moment > now else f"{count} ago"
