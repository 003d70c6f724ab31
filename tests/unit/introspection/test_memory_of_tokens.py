"""How much memory a checked token takes: ten thousand of them are kept beside everything else within 120 MB."""

from __future__ import annotations

import tracemalloc

from support.introspection import World
from support.rfc9068 import NOW

TOKENS = 300
BYTES_EACH = 2_000


def test_a_checked_token_takes_less_than_two_thousand_bytes() -> None:
    world = World(size=TOKENS + 1)
    tokens = [world.token() for _ in range(TOKENS)]
    world.verified.verify(world.token(), NOW)

    tracemalloc.start()
    for token in tokens:
        world.verified.verify(token, NOW)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(world.verified) == TOKENS + 1
    assert taken / TOKENS < BYTES_EACH
