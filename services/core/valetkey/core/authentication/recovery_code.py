"""Recovery codes: what a person keeps on paper for the day when the second factor is lost. Each counts once.

A code has 50 random bits, so that a plain digest of it is enough, bound to its owner.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

HOW_MANY = 10
_LENGTH = 10
# Crockford's base 32: no letter that looks like a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011")
_BETWEEN = re.compile(r"[\s\u2010-\u2015-]+")
_MOST_TYPED = 64


def generate_codes() -> tuple[str, ...]:
    """New codes, as they are shown: such as ``K4TX9-QMP2D``."""
    codes: set[str] = set()
    while len(codes) < HOW_MANY:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        codes.add(f"{code[:5]}-{code[5:]}")
    return tuple(codes)


def code_digest(subject: UUID, typed: str) -> bytes | None:
    """What is stored of a code of this user, in whichever spelling; None for what cannot be one."""
    if len(typed) > _MOST_TYPED:
        return None
    code = _BETWEEN.sub("", typed).upper().translate(_ALIKE)
    if len(code) != _LENGTH or not set(code) <= set(_ALPHABET):
        return None
    return hashlib.sha256(f"valetkey recovery code\0{subject}\0{code}".encode()).digest()
