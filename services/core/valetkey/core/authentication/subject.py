"""Subjects of users: what tokens call a user, and the UUID under which everything is kept. OIDC Core §2.

A user who is created here has a UUID for a subject, and tokens say it. A user who comes from another system keeps the
``sub`` that clients know. The UUID then follows from it, so that a reader of a token finds the user, and what has
ended for the user, without asking for a name first.
"""

from __future__ import annotations

import re
from hashlib import sha256
from uuid import UUID

MAX_SUB_LENGTH = 255  # OIDC Core §2.
# As ``str(UUID)`` writes it: every other spelling is another ``sub``, which is compared as it stands.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SUB = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e]{{0,{MAX_SUB_LENGTH - 2}}}[\x21-\x7e])?")
_DOMAIN = b"valetkey sub\0"
_VERSION, _VARIANT = 8, 2  # RFC 9562 §5.8, §4.1


def subject_of(sub: str) -> UUID:
    """The UUID of the user whom tokens call ``sub``: ``sub`` itself where it is one, else a UUIDv8 of its hash."""
    if _UUID.fullmatch(sub):
        return UUID(sub)
    number = int.from_bytes(sha256(_DOMAIN + sub.encode()).digest()[:16])
    number = number & ~(0xF << 76) | _VERSION << 76
    return UUID(int=number & ~(0x3 << 62) | _VARIANT << 62)


def subject_key(sub: str) -> str:
    """``subject_of`` as a text, made for every token that is introspected."""
    return sub if _UUID.fullmatch(sub) else str(subject_of(sub))


def given_sub(sub: str) -> str | None:
    """What is to be kept beside ``subject_of(sub)``: None where that is ``sub`` itself."""
    return None if _UUID.fullmatch(sub) else sub


def sub_problem(sub: str) -> str | None:
    """Why this cannot be the subject of a user, in words for an operator; None where it can."""
    if _SUB.fullmatch(sub):
        return None
    return f"use 1 to {MAX_SUB_LENGTH} printable ASCII characters, with no space at either end"
