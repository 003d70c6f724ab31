"""Which names an export has had so far, in 16 to 27 bytes a name."""

from __future__ import annotations

from array import array
from hashlib import blake2b

_DIGEST_BYTES = 8
_FIRST_SIZE = 1 << 12
# Of 256: a fuller table takes long to look into.
_FULLEST = 154


class SeenNames:
    """A set of texts that keeps 64 bits of a hash of each.

    Among a million texts two have the same with a probability of one in forty million.
    """

    def __init__(self) -> None:
        self._table = array("Q", bytes(_DIGEST_BYTES * _FIRST_SIZE))
        self._count = 0

    def __contains__(self, text: str) -> bool:
        return self._table[self._place(_digest(text))] != 0

    def add(self, text: str) -> None:
        """Add one."""
        digest = _digest(text)
        place = self._place(digest)
        if self._table[place]:
            return
        self._table[place] = digest
        self._count += 1
        if self._count << 8 > len(self._table) * _FULLEST:
            self._grow()

    def _place(self, digest: int) -> int:
        table, mask = self._table, len(self._table) - 1
        place = digest & mask
        while table[place] and table[place] != digest:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        former = self._table
        self._table = array("Q", bytes(2 * _DIGEST_BYTES * len(former)))
        for digest in former:
            if digest:
                self._table[self._place(digest)] = digest


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()) or 1
