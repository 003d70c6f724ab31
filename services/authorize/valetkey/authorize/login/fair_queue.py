"""The queue of password checks that wait for a thread, fair between names and between addresses.

Knows neither passwords nor threads.
"""

import heapq
from collections import Counter
from typing import Generic, NamedTuple, Protocol, TypeVar


class Source(NamedTuple):
    """What checks may have in common: the name that was typed, and where it came from (an address or a known device).

    The name as it was typed, not the account that it means: the order must not tell whether two names mean one.
    """

    name: str
    place: str


class _Entry(Protocol):
    @property
    def source(self) -> Source:
        """Where it comes from."""


T = TypeVar("T", bound=_Entry)


class QueueFullError(Exception):
    """The queue is full of entries with a lower rank."""


class FairQueue(Generic[T]):
    """At most ``size`` entries wait or run; the first is the one with the lowest rank.

    The rank is the number of arrival, plus ``size`` for each entry of the same place that waits or runs, plus ``size``
    squared for each entry of the same name. The first entry of a name or place keeps its turn, each further one is
    overtaken by a bounded number of later ones. Where the queue is full, a new entry of a lower rank displaces the
    entry with the highest.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._arrivals = 0
        self._waiting: dict[T, int] = {}
        self._heap: list[tuple[int, int, T]] = []
        self._running = 0
        self._names: Counter[str] = Counter()
        self._places: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting) + self._running

    def waiting(self) -> list[T]:
        """Those that wait, in the order of arrival."""
        return list(self._waiting)

    def enter(self, entry: T) -> T | None:
        """Wait. Returns the entry that was displaced, if any. Raises ``QueueFullError``."""
        rank = self._arrivals + self._size * (
            self._places[entry.source.place] + self._size * self._names[entry.source.name]
        )
        displaced = None
        if len(self) >= self._size:
            displaced = max(self._waiting, key=self._waiting.__getitem__, default=None)
            if displaced is None or self._waiting[displaced] <= rank:
                raise QueueFullError
            self.leave(displaced)
        self._waiting[entry] = rank
        heapq.heappush(self._heap, (rank, self._arrivals, entry))
        self._arrivals += 1
        self._names[entry.source.name] += 1
        self._places[entry.source.place] += 1
        return displaced

    def leave(self, entry: T) -> bool:
        """Wait no longer; False where it does not."""
        if self._waiting.pop(entry, None) is None:
            return False
        self._forget(entry)
        if len(self._heap) > 2 * self._size:
            self._heap = [each for each in self._heap if each[2] in self._waiting]
            heapq.heapify(self._heap)
        return True

    def start(self) -> T | None:
        """Take the first out and have it run until ``finish``; None where none waits."""
        while self._heap:
            entry = heapq.heappop(self._heap)[2]
            if self._waiting.pop(entry, None) is not None:
                self._running += 1
                return entry
        return None

    def finish(self, entry: T) -> None:
        """It runs no longer."""
        self._running -= 1
        self._forget(entry)

    def _forget(self, entry: T) -> None:
        for counter, key in ((self._names, entry.source.name), (self._places, entry.source.place)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
