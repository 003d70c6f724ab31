"""What every access token must say, however its claims were learned."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.error import InvalidToken

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")
_LATEST = 253_402_300_799
"""The last second that a datetime can hold."""


def read_access_token(claims: Mapping[str, Any], *, audience: str, now: datetime, leeway: timedelta) -> AccessToken:
    """The access token that `claims` describe, for this `audience`, valid at `now`. RFC 9068 §2.2, §4.

    `exp` must not have passed, `nbf` and `iat` (where given) must have, each give or take `leeway`; `auth_time` (where
    given) must be a time, for it says that there is a user.
    Raises InvalidToken.
    """
    if "cnf" in claims:
        # RFC 9449 §7.2, RFC 8705 §3: a token bound to a key proves nothing when sent as a bearer token.
        raise InvalidToken("token is bound to a key")
    audiences = _audiences(claims.get("aud"))
    if audience not in audiences:
        raise InvalidToken("token is meant for another audience")
    expires_at = require_time(claims, "exp")
    if now - leeway >= expires_at:
        raise InvalidToken("token has expired")
    if "auth_time" in claims:
        require_time(claims, "auth_time")
    for name in ("nbf", "iat"):
        if name in claims and now + leeway < require_time(claims, name):
            raise InvalidToken(f"token is not valid yet by its {name}")
    return AccessToken(
        subject=require_text(claims, "sub"),
        client_id=require_text(claims, "client_id"),
        scope=_scope(claims.get("scope", "")),
        audience=audiences,
        expires_at=expires_at,
        jti=require_text(claims, "jti"),
        claims=MappingProxyType(dict(claims)),
    )


def require_text(claims: Mapping[str, Any], name: str) -> str:
    """The non-empty string claim `name`. Raises InvalidToken."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"{name} is missing or not a string")
    return value


def require_time(claims: Mapping[str, Any], name: str) -> datetime:
    """The NumericDate claim `name`, in UTC. RFC 7519 §2. Raises InvalidToken."""
    value = claims.get(name)
    # JSON's true is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(f"{name} is missing or not a number")
    if not 0 <= value <= _LATEST:
        raise InvalidToken(f"{name} is out of range")
    return datetime.fromtimestamp(value, UTC)


def _audiences(value: object) -> frozenset[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise InvalidToken("aud is missing or not made of strings")
    return frozenset(values)


def _scope(value: object) -> frozenset[str]:
    if value == "":
        return frozenset()
    if not isinstance(value, str) or _SCOPE.fullmatch(value) is None:
        raise InvalidToken("scope is not a list of scope tokens")
    return frozenset(value.split(" "))
