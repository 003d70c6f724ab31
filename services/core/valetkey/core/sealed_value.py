"""Values that a store keeps for us, sealed with AES-256-GCM, so that writing to the store makes none. NIST SP 800-38D.

Each value has a key of its own, derived from its purpose and from the name it is kept under; both, and what it is bound
to, are associated data too. So a value opens nowhere else, and random nonces never have to suffice for more than one.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from os import urandom
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from valetkey.core.clock_tolerance import CLOCK_TOLERANCE

if TYPE_CHECKING:
    from datetime import datetime, timedelta

# No protobuf message begins with a byte below 8: it would be a field with the number 0.
VERSION = b"\x01"
_HEADER = struct.Struct(">cI")
_NONCE_BYTES = 12
_CONTEXT = b"valetkey sealed value v1\0"


class Purpose(StrEnum):
    """What a value is for. None opens in the place of another."""

    AUTHORIZATION_CODE = "authorization_code"
    # Appended to a code that is there already.
    ABANDONED_REDEMPTION = "abandoned_redemption"
    INTERACTION = "interaction"
    # Kept in PostgreSQL, and in a form until its first code is typed.
    TOTP_SECRET = "totp_secret"  # noqa: S105 - a purpose
    TOTP_ENROLMENT = "totp_enrolment"


# Neither a purpose nor a name has a NUL in it.
_NUL = b"\0"
_PREFIXES = {purpose: purpose.value.encode() + _NUL for purpose in Purpose}


class Refusal(StrEnum):
    """Why a stored value is as if it were not there."""

    PLAIN = "plain"
    UNOPENED = "unopened"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    FUTURE = "future"


class ValueRefused(Exception):
    """A stored value that we have not left there in this form, or not for this moment."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """Keys of 32 bytes: the first seals, every one opens. ``PLAIN`` stands for not sealing at all, in their list.

    ``writes_plain``: the list begins with it, so values are written as they are. ``reads_plain``: it is in the list.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    writes_plain: bool = False
    reads_plain: bool = False


PLAIN = "plain"
PLAIN_ONLY = SealingKeys((), writes_plain=True, reads_plain=True)


class ValueSealer:
    """Writes and reads stored values. ``name`` is the whole key a value is kept under, ``bound`` what it goes with.

    Sealed: the version, the length of the rest (4 bytes, big-endian), the nonce (12 bytes), ciphertext and tag. Sealed
    values can follow each other, as protobuf messages can.
    """

    def __init__(self, keys: SealingKeys) -> None:
        self._keys = keys
        self._derivations = [hmac.new(key, _CONTEXT, hashlib.sha256) for key in keys.keys]

    @property
    def keys(self) -> SealingKeys:
        """The keys, and what is done without one."""
        return self._keys

    def write(self, purpose: Purpose, name: str, message: bytes, bound: bytes = b"") -> bytes:
        """The value to keep: sealed with the first key, or as it is where that is ``plain``."""
        return message if self._keys.writes_plain else self.seal(purpose, name, message, bound)

    def seal(self, purpose: Purpose, name: str, message: bytes, bound: bytes = b"") -> bytes:
        """Sealed with the first key there is; empty where there is none."""
        if not self._derivations:
            return b""
        context, nonce = _PREFIXES[purpose] + name.encode(), urandom(_NONCE_BYTES)
        cipher = _cipher(self._derivations[0], context)
        body = nonce + cipher.encrypt(nonce, message, VERSION + context + _NUL + bound)
        return _HEADER.pack(VERSION, len(body)) + body

    def read(
        self, purpose: Purpose, name: str, kept: bytes, bound: bytes = b"", *, appended: Purpose | None = None
    ) -> bytes:
        """The message, followed by what was ``appended``, which is bound to the name alone. Raises ``ValueRefused``."""
        if not kept.startswith(VERSION):
            if self._keys.reads_plain:
                return kept
            raise ValueRefused(Refusal.PLAIN)
        first, *more = _bodies(kept)
        message = self._open(_PREFIXES[purpose] + name.encode(), first, bound)
        for body in more:
            if appended is None:
                raise ValueRefused(Refusal.UNOPENED)
            message += self._open(_PREFIXES[appended] + name.encode(), body, b"")
        return message

    def _open(self, context: bytes, body: bytes, bound: bytes) -> bytes:
        nonce, ciphertext, associated = body[:_NONCE_BYTES], body[_NONCE_BYTES:], VERSION + context + _NUL + bound
        for derivation in self._derivations:
            try:
                return _cipher(derivation, context).decrypt(nonce, ciphertext, associated)
            except (InvalidTag, ValueError):
                continue
        raise ValueRefused(Refusal.UNOPENED)


def require_in_time(dated: datetime, lifetime: timedelta, now: datetime) -> None:
    """Refuse what must have expired, whatever the store says, or was written by a clock that is far ahead.

    Raises ``ValueRefused``. ``dated`` was written by another machine, so that ``CLOCK_TOLERANCE`` is allowed for.
    """
    age = now - dated
    if age > lifetime + CLOCK_TOLERANCE:
        raise ValueRefused(Refusal.EXPIRED)
    if age < -CLOCK_TOLERANCE:
        raise ValueRefused(Refusal.FUTURE)


def _bodies(kept: bytes) -> list[bytes]:
    bodies, end = [], 0
    while end < len(kept):
        try:
            version, length = _HEADER.unpack_from(kept, end)
        except struct.error:
            raise ValueRefused(Refusal.UNOPENED) from None
        start, end = end + _HEADER.size, end + _HEADER.size + length
        if version != VERSION or end > len(kept):
            raise ValueRefused(Refusal.UNOPENED)
        bodies.append(kept[start:end])
    return bodies


def _cipher(derivation: hmac.HMAC, context: bytes) -> AESGCM:
    derived = derivation.copy()
    derived.update(context)
    return AESGCM(derived.digest())
