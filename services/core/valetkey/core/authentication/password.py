"""How a password that was typed is spelled. NIST SP 800-63B §3.1.1.2, RFC 8265 §4.2 (OpaqueString).

One keyboard sends `é` as one character, another as two. A new hash is of the one spelling; hashes from before, and
those that other systems have made, are of whatever was typed, so that is tried as well.
"""

from __future__ import annotations

import unicodedata

_SPACES = "Zs"


def normalize_password(typed: str) -> str:
    """The one spelling: every space is an ASCII one, and characters are composed (NFC). Case and width stay."""
    if typed.isascii():
        return typed
    spaced = "".join(" " if unicodedata.category(character) == _SPACES else character for character in typed)
    return unicodedata.normalize("NFC", spaced)


def password_spellings(typed: str) -> tuple[str, ...]:
    """What a stored hash may be of: the one spelling, then what was typed where that differs."""
    normalized = normalize_password(typed)
    return (normalized,) if normalized == typed else (normalized, typed)
