"""Passwords for demo users: made for each run, and easy to type."""

from __future__ import annotations

import secrets

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aeiou"
_PARTS = 3
_SYLLABLES = 2


def make_password() -> str:
    """Something like ``kolu-tami-rebo``: 38 bits, for accounts that count attempts and live for minutes."""
    return "-".join("".join(_syllable() for _ in range(_SYLLABLES)) for _ in range(_PARTS))


def _syllable() -> str:
    return secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS)
