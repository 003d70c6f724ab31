"""A cache with a bound in entries and one in bytes, in which one owner cannot displace what the others keep."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """At most ``entries`` values and ``size`` bytes; one owner may hold a ``share`` of each while room is short.

    The value that was used least recently makes room. As long as an owner holds more than its share, it is one
    of its own: an owner that fills the cache displaces nothing of the others. ``put`` is told how many
    bytes a value takes, with its key and the record that the cache makes of it.
    """

    def __init__(self, *, entries: int, size: int, share: float) -> None:
        self._entries = entries
        self._size = size
        self._entries_of_one = max(int(entries * share), 1)
        self._size_of_one = int(size * share)
        self._kept: OrderedDict[K, _Entry[K, V]] = OrderedDict()
        self._owners: dict[str, _Owner[K]] = {}
        self._beyond_share: dict[str, None] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: K) -> V | None:
        """The value, which counts as used now; None if it is not kept."""
        entry = self._kept.get(key)
        if entry is None:
            return None
        self._kept.move_to_end(key)
        entry.owner.keys.move_to_end(key)
        return entry.value

    def put(self, key: K, value: V, *, owner: str, size: int) -> list[K]:
        """Keep a value of ``size`` bytes. Returns the keys that were dropped for it, its own if it is too large."""
        self.discard(key)
        if size > self._size_of_one:
            return [key]
        held = self._owners.get(owner)
        if held is None:
            held = self._owners[owner] = _Owner(owner)
        self._kept[key] = _Entry(value, held, size)
        held.keys[key] = None
        held.size += size
        self.size += size
        if self._is_beyond_share(held):
            self._beyond_share[owner] = None
        dropped = []
        while len(self._kept) > self._entries or self.size > self._size:
            dropped.append(self._next_to_go())
            self.discard(dropped[-1])
        return dropped

    def discard(self, key: K) -> None:
        """Forget one value, if it is kept."""
        entry = self._kept.pop(key, None)
        if entry is None:
            return
        owner = entry.owner
        del owner.keys[key]
        owner.size -= entry.size
        self.size -= entry.size
        if not self._is_beyond_share(owner):
            self._beyond_share.pop(owner.name, None)
        if not owner.keys:
            del self._owners[owner.name]

    def oldest_of(self, owner: str) -> V | None:
        """The value that this owner has not used for longest, which does not count as used now."""
        held = self._owners.get(owner)
        return None if held is None else self._kept[next(iter(held.keys))].value

    def forget(self, owner: str) -> None:
        """Forget what this owner keeps."""
        held = self._owners.get(owner)
        for key in () if held is None else tuple(held.keys):
            self.discard(key)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._owners.clear()
        self._beyond_share.clear()
        self.size = 0

    def _is_beyond_share(self, owner: _Owner[K]) -> bool:
        return owner.size > self._size_of_one or len(owner.keys) > self._entries_of_one

    def _next_to_go(self) -> K:
        owner = next(iter(self._beyond_share), None)
        return next(iter(self._kept if owner is None else self._owners[owner].keys))


class _Owner(Generic[K]):
    """What one owner keeps, that was used least recently first, and how many bytes it is."""

    __slots__ = ("keys", "name", "size")

    def __init__(self, name: str) -> None:
        self.name = name
        # Its first key is found at once, however many before it have gone; a dict would look for it.
        self.keys: OrderedDict[K, None] = OrderedDict()
        self.size = 0


class _Entry(NamedTuple, Generic[K, V]):
    value: V
    owner: _Owner[K]
    size: int
