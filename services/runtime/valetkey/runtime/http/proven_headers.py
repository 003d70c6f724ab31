"""Authorization headers that have proven a client before: the same one again need not be taken apart again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.client import Client

MAX_HEADERS = 10_240


class Proof(NamedTuple):
    """The registration that was proven, and when the first of its secrets that expire does."""

    client: Client
    until: datetime | None

    def holds(self, client: Client | None, now: datetime) -> bool:
        """Whether the client is registered now exactly as it was then, and all its secrets still count."""
        return client is self.client and (self.until is None or now < self.until)


class ProvenHeaders:
    """Keeps hashes of headers, never a secret. Strangers cannot fill it: only who has proven a secret gets in here."""

    def __init__(self) -> None:
        self._proofs: OrderedDict[bytes, Proof] = OrderedDict()

    def __len__(self) -> int:
        return len(self._proofs)

    def find(self, header: str) -> Proof | None:
        """What this header has proven before."""
        return self._proofs.get(_digest(header))

    def keep(self, header: str, client: Client, now: datetime) -> None:
        """It has proven this registration just now."""
        ends = [each.expires_at for each in client.secrets if each.expires_at is not None and now < each.expires_at]
        self._proofs[_digest(header)] = Proof(client, min(ends, default=None))
        if len(self._proofs) > MAX_HEADERS:
            self._proofs.popitem(last=False)


def _digest(header: str) -> bytes:
    return hashlib.sha256(header.encode(errors="surrogateescape")).digest()
