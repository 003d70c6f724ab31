"""Authorization headers that have proven a client before: the same one again need not be taken apart again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.bounded_cache import BoundedCache

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.client.client import Client

MAX_HEADERS = 10_240
MAX_BYTES = 8 << 20
# What the spellings of one client's header may take while room is short: base64 and percent-encoding have many.
SHARE = 1 / 64
# Of a header, with its place in the cache and without the registration, of which there is one for each client.
HEADER_BYTES = 800


class Proof(NamedTuple):
    """The registration that was proven, and when the first of its secrets that expire does."""

    client: Client
    until: datetime | None

    def holds(self, client: Client | None, now: datetime) -> bool:
        """Whether the client is registered now exactly as it was then, and all its secrets still count."""
        return client is self.client and (self.until is None or now < self.until)


class ClientAuthenticationCache:
    """Keeps hashes of headers, never a secret. Only the headers of authenticated clients are kept."""

    def __init__(self) -> None:
        self._proofs: BoundedCache[bytes, Proof] = BoundedCache(entries=MAX_HEADERS, size=MAX_BYTES, share=SHARE)

    def __len__(self) -> int:
        return len(self._proofs)

    def find(self, header: str) -> Proof | None:
        """What this header has proven before."""
        return self._proofs.find(_digest(header))

    def keep(self, header: str, client: Client, now: datetime) -> None:
        """It has proven this registration just now."""
        ends = [each.expires_at for each in client.secrets if each.expires_at is not None and now < each.expires_at]
        known = self._proofs.oldest_of(client.client_id)
        if known is not None and known.client is not client:
            # What other spellings have proven is a registration that no longer counts, and need not be kept alive.
            self._proofs.forget(client.client_id)
        proof = Proof(client, min(ends, default=None))
        self._proofs.put(_digest(header), proof, owner=client.client_id, size=HEADER_BYTES)


def _digest(header: str) -> bytes:
    return hashlib.sha256(header.encode(errors="surrogateescape")).digest()
