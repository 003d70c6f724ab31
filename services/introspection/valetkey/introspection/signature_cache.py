"""Which tokens' signatures have held before, for many more tokens than are kept whole."""

from __future__ import annotations

_KEPT = 16
_WAYS = 4
_BUCKET = _KEPT * _WAYS
_BUCKETS = 1 << 16


class SignatureCache:
    """SHA-256 digests of a quarter of a million tokens in 4 MiB; the oldest of a bucket of four makes room.

    128 bits of a digest are kept, and 16 others choose the bucket.
    """

    def __init__(self) -> None:
        self._table = bytearray(_BUCKETS * _BUCKET)

    def __contains__(self, digest: bytes) -> bool:
        start = _start(digest)
        return self._table.find(digest[:_KEPT], start, start + _BUCKET) >= 0

    def add(self, digest: bytes) -> None:
        """Remember one that held."""
        if digest not in self:
            start, table = _start(digest), self._table
            table[start : start + _BUCKET] = digest[:_KEPT] + table[start : start + _BUCKET - _KEPT]


def _start(digest: bytes) -> int:
    return int.from_bytes(digest[_KEPT : _KEPT + 2], "big") * _BUCKET
