"""Scope strings. RFC 6749 §3.3.

A scope is an ordered tuple of distinct names: the order is the client's, and it is kept so that answers read like
questions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidScope

if TYPE_CHECKING:
    from collections.abc import Iterable

Scope = tuple[str, ...]

OPENID = "openid"
PROFILE = "profile"
EMAIL = "email"
ADDRESS = "address"
PHONE = "phone"
GROUPS = "groups"
OFFLINE_ACCESS = "offline_access"

# What these open belongs to a user; a client that acts for itself has none.
USER_SCOPES = frozenset({OPENID, PROFILE, EMAIL, ADDRESS, PHONE, GROUPS, OFFLINE_ACCESS})

MAX_LENGTH = 2048
MAX_NAMES = 64
_NAME = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_SCOPE = re.compile(rf" *(?:{_NAME.pattern} +)*(?:{_NAME.pattern})?")


def parse_scope(text: str | None) -> Scope:
    """The distinct names of a scope parameter; ``InvalidScope`` beyond grammar or bounds. RFC 6749 §3.3.

    Spaces before, after and between names may be several: real clients join lists that have empty members.
    """
    if text is None:
        return ()
    if len(text) > MAX_LENGTH:
        raise InvalidScope.of(causes.SCOPE_TOO_LONG)
    if not _SCOPE.fullmatch(text):
        raise InvalidScope.of(causes.SCOPE_MALFORMED)
    names = tuple(dict.fromkeys(text.split()))
    if len(names) > MAX_NAMES:
        raise InvalidScope.of(causes.SCOPE_TOO_MANY)
    return names


def is_scope_name(name: str) -> bool:
    """Whether this may be registered as a scope. RFC 6749 §3.3."""
    return len(name) <= MAX_LENGTH and _NAME.fullmatch(name) is not None


def format_scope(scope: Iterable[str]) -> str:
    """The space-delimited form of the ``scope`` parameter and claim."""
    return " ".join(scope)


def narrow_scope(granted: Scope, requested: str | None) -> Scope:
    """What a refresh asks for, within what was granted. Omitted means all of it. RFC 6749 §6.

    Raises ``InvalidScope`` for anything that was not granted.
    """
    names = parse_scope(requested)
    if not names:
        return granted
    if not set(names) <= set(granted):
        raise InvalidScope.of(causes.SCOPE_NOT_GRANTED)
    return names
