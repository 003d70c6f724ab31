"""How many bytes something takes, counted object by object, which is the same each time."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

# What is there once however much is kept: code, and what it is found by.
_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType)


def size_of(*roots: object, apart_from: Iterable[object] = ()) -> int:
    """The bytes of these and of everything that they keep alive, without what ``apart_from`` keeps alive too."""
    seen = {id(each): each for each in _reachable(apart_from, {})}
    return sum(map(sys.getsizeof, _reachable(roots, seen)))


def _reachable(roots: Iterable[object], seen: dict[int, object]) -> Iterator[object]:
    waiting = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _CODE):
            continue
        # Kept, so that no other object gets its identity meanwhile.
        seen[id(found)] = found
        yield found
        waiting += gc.get_referents(found)
