"""How many bytes something takes, counted allocation by allocation, which is the same each time."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Memory:
    """``taken`` are the bytes that were allocated meanwhile and are still held, known at the end."""

    taken: int = 0


@contextmanager
def measured() -> Iterator[Memory]:
    """Count what is allocated within the context; what it replaces of before is not subtracted."""
    memory = Memory()
    gc.collect()
    tracemalloc.start()
    try:
        yield memory
        gc.collect()
        memory.taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
