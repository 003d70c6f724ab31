"""Parsers for lists of symmetric keys. No message ever repeats any part of a key."""

from __future__ import annotations

import re
from itertools import pairwise

from valetkey.core.encoding import b64url_decode
from valetkey.core.sealed_value import PLAIN, SealingKeys
from valetkey.runtime.settings.types import Parser

KEY_BYTES = 32
# 32 random bytes have about 30 distinct values; fewer than 16 happens once in far more keys than will ever be made.
MIN_DISTINCT_BYTES = 16
_MAKE_ONE = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _key(text: str, position: int) -> bytes:
    try:
        key = b64url_decode(text.rstrip("="))
    except ValueError:
        raise ValueError(f"entry {position} must be base64url; {_MAKE_ONE}") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"entry {position} is {len(key)} bytes and must be {KEY_BYTES}; {_MAKE_ONE}")
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < MIN_DISTINCT_BYTES or len(steps) == 1:
        raise ValueError(f"entry {position} is too regular to be secret; {_MAKE_ONE}")
    return key


def _entries(text: str) -> list[str]:
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise ValueError(f"must hold at least one key; {_MAKE_ONE}")
    return entries


def _key_list(text: str) -> tuple[bytes, ...]:
    keys = tuple(_key(entry, position) for position, entry in enumerate(_entries(text), 1))
    if len(set(keys)) != len(keys):
        raise ValueError("holds the same key twice; remove one of them")
    return keys


def _named_key_list(text: str) -> tuple[tuple[str, bytes], ...]:
    named: list[tuple[str, bytes]] = []
    for position, entry in enumerate(_entries(text), 1):
        identifier, colon, key = entry.partition(":")
        if not colon or not _KEY_ID.fullmatch(identifier):
            raise ValueError(f"entry {position} must be id:key; name the key, such as 2025a:... ({_MAKE_ONE})")
        named.append((identifier, _key(key, position)))
    if len({identifier for identifier, _ in named}) != len(named) or len({key for _, key in named}) != len(named):
        raise ValueError("holds the same id or the same key twice; remove one of them")
    return tuple(named)


def _sealing_key_list(text: str) -> SealingKeys:
    entries = _entries(text)
    if entries.count(PLAIN) > 1:
        raise ValueError(f'holds the word "{PLAIN}" twice; remove one of them')
    keys = tuple(_key(entry, position) for position, entry in enumerate(entries, 1) if entry != PLAIN)
    if len(set(keys)) != len(keys):
        raise ValueError("holds the same key twice; remove one of them")
    return SealingKeys(keys, writes_plain=entries[0] == PLAIN, reads_plain=PLAIN in entries)


key_list = Parser(_key_list, "list of base64url keys of 32 bytes")
named_key_list = Parser(_named_key_list, "list of id:key, keys base64url of 32 bytes")
sealing_key_list = Parser(_sealing_key_list, f"list of base64url keys of 32 bytes, or the word {PLAIN}")
