"""Weeks of traffic in a minute: what is kept grows until the longest lifetime has passed, and then no more."""

import sys
from collections.abc import Iterator, Sequence

import pytest
from redis.asyncio import Redis

from support.aging import move_database_clock
from support.daily_life import DailyLife
from support.movable_clock import MovableClock
from support.system import System, rotate
from support.systems import running_system
from support.table_sizes import Size, table_sizes
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DAYS, VISITS, WARM_UP = 24, 30, 8
LIFETIMES = {
    "refresh_token_lifetime": "5d",
    "refresh_token_idle_lifetime": "3d",
    "session_lifetime": "3d",
    "session_idle_lifetime": "1d",
    "key_active_period": "2d",
    "key_poll_interval": "1s",
    "signing_algorithms": "ES256",
    "login_attempts_per_account": "1000",
}
PAGE = 8192
# A small table with several indexes takes and gives back some pages.
PAGES_OF_CHANCE = 12
LONGEST_IN_REDIS_SECONDS = 2 * 3600


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def small(postgres_server: EmbeddedPostgres, migrated_template: str, clock: MovableClock) -> Iterator[System]:
    """A system in which nothing lives for longer than five days."""
    with running_system(postgres_server, migrated_template, clock=clock, changes=LIFETIMES) as system:
        yield system


@pytest.fixture(params=[True, False], ids=["clients revoke", "clients never revoke"])
async def life(small: System, request: pytest.FixtureRequest) -> DailyLife:
    """Twelve people, three clients and a machine."""
    administration = small.administration
    await administration.create_catalog()
    return DailyLife(
        small,
        [await administration.create_user() for _ in range(12)],
        [await administration.create_web_client() for _ in range(3)],
        await administration.create_machine(),
        revokes=request.param,
    )


@pytest.mark.requirement("architecture 3: nothing grows with traffic and nothing needs a janitor")
async def test_after_the_longest_lifetime_no_table_grows_any_more(life: DailyLife, clock: MovableClock) -> None:
    history: list[dict[str, Size]] = []

    for _ in range(DAYS):
        await life.day(VISITS)
        clock.advance(days=1)
        await move_database_clock(life.system.administration, clock.ahead)
        await rotate(life.system.settings_of("key_rotation"), clock)
        history.append(await table_sizes(life.system.postgres_dsn))

    tell(history)
    assert await without_end(life.system.redis_url) <= {REVOCATIONS_LOADED.prefix}
    settled = history[WARM_UP:]
    half = len(settled) // 2
    for name in history[0]:
        earlier, later = ([each[name] for each in part] for part in (settled[:half], settled[half:]))
        rows, pages = most(earlier, later, "rows"), most(earlier, later, "bytes")
        assert rows[1] <= rows[0] * 1.15 + 3, (name, "rows", rows)
        assert pages[1] <= pages[0] * 1.1 + PAGES_OF_CHANCE * PAGE, (name, "bytes", pages)


# Another number below zero says that it has gone since it was listed. https://redis.io/docs/latest/commands/ttl/
_FOR_EVER = -1


async def without_end(url: str) -> set[str]:
    """The keys in Redis that live for longer than anything of ours needs to, or for ever."""
    async with Redis.from_url(url, decode_responses=True) as redis:
        return {
            key
            async for key in redis.scan_iter(count=1000)
            if (left := await redis.ttl(key)) == _FOR_EVER or left > LONGEST_IN_REDIS_SECONDS
        }


def most(earlier: Sequence[Size], later: Sequence[Size], what: str) -> tuple[int, int]:
    return max(getattr(each, what) for each in earlier), max(getattr(each, what) for each in later)


def tell(history: Sequence[dict[str, Size]]) -> None:
    for name in history[0]:
        curve = [f"{day[name].rows}/{day[name].bytes // 1024}k" for day in history[:: max(1, len(history) // 8)]]
        sys.stderr.write(f"\n{name:18} {'  '.join(curve)}")
    sys.stderr.write("\n")
