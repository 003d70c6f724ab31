"""How much memory checked tokens take: ten thousand of them are kept beside everything else within 120 MB."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import pytest

from support.introspection import World
from support.memory_of import size_of
from support.rfc9068 import ISSUER, NOW
from valetkey.core.oauth import access_token
from valetkey.introspection.verified_tokens import MAX_BYTES, MAX_TOKENS, SHARE, VerifiedTokens

TOKENS = 300
BYTES_EACH = 2_400
NAMES = [f"api:operation-{number}" for number in range(60)]
bounded = pytest.mark.requirement("security 55c: what one client can make a process keep is bounded in bytes")


def longest(world: World, number: int, client_id: str = "greedy") -> Iterator[str]:
    """Tokens as long as they can be had, no two with the same scope."""
    chosen = random.Random(number)
    for _ in range(number):
        scope, audience = " ".join(chosen.sample(NAMES, 60)), [f"https://{name}.example/" for name in NAMES[:8]]
        yield world.token(client_id=client_id, scope=scope, aud=audience)


def taken_by(verified: VerifiedTokens, world: World) -> int:
    """Bytes, without the table of 4 MiB in which the signatures of what was dropped are remembered."""
    return size_of(verified, apart_from=(world.keys, vars(verified)["_held"]))


def test_a_checked_token_takes_less_than_two_and_a_half_thousand_bytes() -> None:
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


@bounded
@pytest.mark.parametrize("kind", ["usual", "longest"])
def test_what_is_counted_is_at_least_what_is_taken(kind: str) -> None:
    world = World(size=TOKENS + 1)
    tokens = longest(world, TOKENS) if kind == "longest" else (world.token() for _ in range(TOKENS))

    for token in tokens:
        world.verified.verify(token, NOW)

    assert 0.4 < taken_by(world.verified, world) / world.verified.size <= 1


@bounded
def test_ten_thousand_usual_tokens_fit_and_the_longest_are_held_to_the_bytes() -> None:
    world, limit = World(), 512 << 10
    world.verified.verify(world.token(), NOW)
    usual = world.verified.size
    world.verified = VerifiedTokens(world.keys, ISSUER, max_bytes=limit)

    for token in longest(world, 200):
        world.verified.verify(token, NOW)

    assert world.verified.size <= limit
    assert taken_by(world.verified, world) <= limit
    assert usual * MAX_TOKENS < MAX_BYTES


@bounded
def test_a_client_that_has_tokens_checked_without_end_displaces_its_own() -> None:
    world = World(size=100)
    polite = [world.token(client_id=f"polite-{number}") for number in range(50)]
    kept = [world.verified.verify(token, NOW) for token in polite]

    for token in longest(world, 300):
        world.verified.verify(token, NOW)

    assert len(world.verified) == 100
    assert all(world.verified.verify(token, NOW) is known for token, known in zip(polite, kept, strict=True))
    assert SHARE <= 0.5


@bounded
def test_what_tokens_share_is_bounded_too() -> None:
    caches = [vars(access_token)[name] for name in ("_audience", "_scope", "_shared_epochs")]
    world = World()
    for token in longest(world, 600):
        world.verified.verify(token, NOW)

    assert all(cache.cache_info().currsize <= 256 for cache in caches)
    assert size_of(*caches) < 4 << 20
