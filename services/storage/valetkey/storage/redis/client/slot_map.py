"""Which node of a Cluster holds which slot."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from redis.crc import key_slot

from valetkey.runtime.settings.redis_address import Node

SLOTS = 16384
_KEY_AFTER_COUNT = frozenset({"EVAL", "EVALSHA"})
_KEY_FIRST = frozenset({"GET", "SET", "DEL", "MGET", "TTL", "PTTL", "EXISTS"})


class SlotMap:
    """Ranges of slots and their masters, as one node sees them."""

    def __init__(self, ranges: Sequence[tuple[int, int, Node]] = ()) -> None:
        self._ranges = sorted(ranges)
        self._starts = [start for start, _, _ in self._ranges]

    @classmethod
    def from_answer(cls, answer: Sequence[Any], asked: Node) -> "SlotMap":
        """Read the answer of ``CLUSTER SLOTS``; a node that does not know its own name has the one we called it."""
        ranges = []
        for start, end, (host, port, *_), *_ in answer:
            name = host.decode() if host else ""
            ranges.append((start, end, (asked[0] if name in {"", "?"} else name, port)))
        return cls(ranges)

    @property
    def nodes(self) -> set[Node]:
        """Every master."""
        return {node for _, _, node in self._ranges}

    @property
    def missing(self) -> int:
        """How many slots no node has."""
        return SLOTS - sum(end - start + 1 for start, end, _ in self._ranges)

    def owner(self, slot: int) -> Node | None:
        """The master of this slot, or None while no node has it."""
        at = bisect_right(self._starts, slot) - 1
        if at < 0 or self._ranges[at][1] < slot:
            return None
        return self._ranges[at][2]


def slot_of(key: str | bytes) -> int:
    """The slot of a key: what stands in braces decides, else all of it."""
    return key_slot(key.encode() if isinstance(key, str) else key)


def slot_of_command(arguments: Sequence[Any]) -> int | None:
    """The slot of the first key of a command, or None for one that has none. Raises ``ValueError`` for others."""
    name = arguments[0]
    if name == "PING":
        return None
    if name in _KEY_FIRST:
        return slot_of(arguments[1])
    if name in _KEY_AFTER_COUNT and int(arguments[2]) > 0:
        return slot_of(arguments[3])
    raise ValueError(f"{name} is not among the commands that find their node")
