"""Masters that die, hang or are demoted, and Sentinels that hang: what was revoked is never reported live."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sized
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from support.eventually import eventually
from support.fake_revocations import FakeRevocations
from support.redis_sentinel import MASTER_NAME, EmbeddedSentinels, frozen
from support.revocation_store import Replica, new_target, open_replicas, revocation
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import RevocationTarget
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.pinned_connection import PinnedConnection
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

MARKER = REVOCATIONS_LOADED.prefix
PROMPT = 2.0
MUCH_LONGER = timedelta(seconds=10)


@pytest.fixture
def sentinels() -> Iterator[EmbeddedSentinels]:
    """Servers and Sentinels of the test's own, to kill."""
    with EmbeddedSentinels() as sentinels:
        yield sentinels


def kill_what_was_not_replicated(sentinels: EmbeddedSentinels) -> None:
    with sentinels.replica_left_behind():
        time.sleep(0.5)
        sentinels.first.kill()
    sentinels.until_failed_over()


def hang_until_replaced(sentinels: EmbeddedSentinels) -> None:
    with frozen(sentinels.first):
        sentinels.until_failed_over()


def demote_while_it_answers(sentinels: EmbeddedSentinels) -> None:
    with sentinels.sentinels[0].client() as client:
        client.execute_command("SENTINEL", "FAILOVER", MASTER_NAME)
    sentinels.until_failed_over()


async def until_more_than(number: int, revoked: Sized) -> None:
    """Return once so many revocations have been answered."""

    async def are_there() -> bool:
        return len(revoked) > number

    await eventually(are_there, seconds=20)


@pytest.mark.requirement("architecture 3: after /revoke has answered, no replica says active")
@pytest.mark.requirement("security 56: failover never resurrects a revoked token")
@pytest.mark.parametrize(
    "fail_over",
    [kill_what_was_not_replicated, hang_until_replaced, demote_while_it_answers],
    ids=["killed", "hung and came back", "demoted while it answered"],
)
async def test_revoked_is_never_active_over_a_failover(
    sentinels: EmbeddedSentinels, fail_over: Callable[[EmbeddedSentinels], None]
) -> None:
    recorded = FakeRevocations()
    async with open_replicas(recorded, sentinels.url, 3) as (writer, *readers):
        for reader in readers:
            await reader.load()
        await writer.store.revoke([revocation(new_target())])

        async with revoking_and_reading(writer, readers) as (revoked, wrong):
            await until_more_than(5, revoked)
            await asyncio.to_thread(fail_over, sentinels)
            before = len(revoked)
            # Longer than a process relies on the last answers of the Sentinels.
            await asyncio.sleep(2.5)
            await until_more_than(before + 5, revoked)
        for reader in readers:
            await reader.load()
        recorded.away = True
        states = [await reader.is_revoked(target) for reader in readers for target in revoked]

    assert wrong == []
    assert all(states)


@pytest.mark.requirement("security 55: dependencies away: fail closed")
async def test_nothing_is_written_to_a_master_that_hung_while_another_was_promoted(
    sentinels: EmbeddedSentinels,
) -> None:
    accepted = []
    async with connect(sentinels.url) as redis:
        # Connections that could be used again.
        await asyncio.gather(*(redis.set(f"early-{number}", 1) for number in range(8)))
        with frozen(sentinels.first):
            await asyncio.to_thread(sentinels.until_failed_over)

        for number in range(40):
            try:
                with redis_operation("test"):
                    await redis.set(f"late-{number}", 1)
            except TemporarilyUnavailable:
                continue
            finally:
                await asyncio.sleep(0.05)
            accepted.append(f"late-{number}")

    with sentinels.second.client() as client:
        kept = client.exists(*accepted)
    assert len(accepted) > 20
    assert kept == len(accepted)


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
async def test_a_revocation_is_not_done_while_no_majority_names_the_master_that_has_it(
    sentinels: EmbeddedSentinels,
) -> None:
    recorded, target = FakeRevocations(), new_target()
    async with open_replicas(recorded, sentinels.url, 2) as (writer, reader):
        await reader.load()
        await writer.store.revoke([revocation(new_target())])

        with ExitStack() as stack:
            for sentinel in sentinels.sentinels[:2]:
                stack.enter_context(frozen(sentinel))
            # An old master that is cut off takes this, too.
            await writer.redis.set("written", "anyway")
            with pytest.raises(TemporarilyUnavailable):
                await writer.store.revoke([revocation(target)])
            state = await reader.is_revoked(target)

    assert state


async def test_a_sentinel_that_hangs_delays_no_command(sentinels: EmbeddedSentinels) -> None:
    longest = 0.0
    server = PinnedConnection(sentinels.url, key=MARKER, timeout=MUCH_LONGER)
    async with connect(sentinels.url, timeout=MUCH_LONGER) as redis:
        for hung in sentinels.sentinels:
            with frozen(hung):
                # A process that asked within the last second does not ask again.
                await asyncio.sleep(1.05)
                started = time.monotonic()
                await redis.set("written", "promptly")
                await server.read([MARKER])
                async with connect(sentinels.url, timeout=MUCH_LONGER) as new:
                    await new.get("written")
                longest = max(longest, time.monotonic() - started)
    await server.aclose()

    assert longest < PROMPT


@asynccontextmanager
async def revoking_and_reading(
    writer: Replica, readers: list[Replica]
) -> AsyncIterator[tuple[list[RevocationTarget], list[RevocationTarget]]]:
    """What was revoked, and what a reader that was asked after that did not know."""
    revoked: list[RevocationTarget] = []
    wrong: list[RevocationTarget] = []
    # Before Python 3.12 redis-py may lose a cancellation while it sends.
    ended = asyncio.Event()

    async def revoke() -> None:
        while not ended.is_set():
            target = new_target()
            try:
                await writer.store.revoke([revocation(target)])
            except TemporarilyUnavailable:
                await asyncio.sleep(0.02)
                continue
            revoked.append(target)
            states = await asyncio.gather(*(reader.is_revoked(target) for reader in readers))
            wrong.extend(target for state in states if not state)
            await asyncio.sleep(0.01)

    async def read(reader: Replica) -> None:
        while not ended.is_set():
            target = revoked[-1] if revoked else new_target()
            wrong.extend([target] if revoked and not await reader.is_revoked(target) else [])
            await asyncio.sleep(0.01)

    work = [asyncio.create_task(revoke()), *(asyncio.create_task(read(reader)) for reader in readers)]
    try:
        yield revoked, wrong
    finally:
        ended.set()
        await asyncio.gather(*work)
