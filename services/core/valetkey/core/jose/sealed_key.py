"""Private keys at rest: AES-256-GCM under a key-encryption key that the database never sees. NIST SP 800-38D."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONCE_BYTES = 12


class UnsealError(Exception):
    """The sealed key was tampered with, belongs to another kid, or its key-encryption key is not configured."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A sealed private key and the name of the key-encryption key that opens it."""

    key_encryption_key_id: str
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class KeySealer:
    """Seals with the first key-encryption key and opens with any, so that they can be exchanged. Keys have 32 bytes."""

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def current_id(self) -> str:
        """The key-encryption key that seals."""
        return next(iter(self.keys))

    def seal(self, kid: str, private_key: bytes) -> SealedKey:
        """Seal PKCS #8 bytes for this kid, which is bound in as associated data."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = AESGCM(self.keys[self.current_id]).encrypt(nonce, private_key, kid.encode())
        return SealedKey(self.current_id, nonce + ciphertext)

    def open(self, kid: str, sealed: SealedKey) -> bytes:
        """The PKCS #8 bytes; ``UnsealError`` if they cannot be had."""
        key = self.keys.get(sealed.key_encryption_key_id)
        if key is None:
            raise UnsealError(f"key-encryption key {sealed.key_encryption_key_id!r} is not configured")
        nonce, ciphertext = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, kid.encode())
        except (InvalidTag, ValueError) as error:
            raise UnsealError(f"the private key of {kid} does not open") from error
