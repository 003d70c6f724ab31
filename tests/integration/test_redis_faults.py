"""Redis flushed, killed, restarted, restored, hung, full and cut off: what was revoked is never reported live."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from support.fake_revocations import FakeRevocations
from support.revocation_store import TIMEOUT, Replica, new_target, open_replicas, revocation
from support.sealing import redis_codes
from support.tcp_proxy import TcpProxy
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import CodeBinding, RedemptionOutcome, generate_code
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation, RevocationTarget
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

MARKER = REVOCATIONS_LOADED.prefix
HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)
NEVER_LIVE = pytest.mark.requirement("security 56: restart, failover or restore never resurrects a revoked token")
AWAY = pytest.mark.requirement("security 55: dependencies away: fail closed, 503")


class SteppedRevocations(FakeRevocations):
    """The durable half, whose batches come one by one when the test lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Queue[int]()
        self.steps = asyncio.Semaphore(0)

    async def live(self, now: datetime, batch_size: int) -> AsyncIterator[Sequence[Revocation]]:
        number = 0
        async for batch in super().live(now, min(batch_size, 10)):
            self.reached.put_nowait(number)
            await self.steps.acquire()
            yield batch
            number += 1
        self.reached.put_nowait(-1)
        await self.steps.acquire()

    def let_everything_through(self) -> None:
        for _ in range(1000):
            self.steps.release()


@pytest.fixture
def recorded() -> FakeRevocations:
    return FakeRevocations()


@pytest.fixture
async def replicas(recorded: FakeRevocations, disposable_redis: EmbeddedRedis) -> AsyncIterator[list[Replica]]:
    async with open_replicas(recorded, disposable_redis.url, 3) as three:
        for replica in three:
            await replica.load()
        yield three


@asynccontextmanager
async def never_live(replicas: list[Replica], targets: Sequence[RevocationTarget]) -> AsyncIterator[None]:
    """All the while, every replica is asked over and over; unavailable is an answer, "not revoked" is none."""

    async def ask(replica: Replica) -> None:
        while True:
            for target in targets:
                try:
                    assert await replica.is_revoked(target)
                except TemporarilyUnavailable:
                    await asyncio.sleep(0.001)

    asking = [asyncio.create_task(ask(replica)) for replica in replicas]
    try:
        yield
    finally:
        for task in asking:
            task.cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results


async def until_revoked(replica: Replica, target: RevocationTarget) -> None:
    async with asyncio.timeout(5):
        while not await replica.is_revoked(target):  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.01)


@NEVER_LIVE
async def test_a_flush_does_not_bring_back_what_was_revoked(replicas: list[Replica]) -> None:
    targets = [new_target() for _ in range(5)]
    await replicas[0].store.revoke([revocation(target) for target in targets])

    async with never_live(replicas, targets):
        for _ in range(20):
            await replicas[0].redis.flushall()
            await asyncio.sleep(0.01)
        await replicas[1].load()

    assert await replicas[2].is_loaded()


@NEVER_LIVE
async def test_a_restart_without_persistence_does_not_bring_back_what_was_revoked(
    replicas: list[Replica], disposable_redis: EmbeddedRedis
) -> None:
    targets = [new_target() for _ in range(5)]
    await replicas[0].store.revoke([revocation(target) for target in targets])

    async with never_live(replicas, targets):
        await asyncio.to_thread(disposable_redis.kill)
        await asyncio.sleep(0.05)
        await asyncio.to_thread(disposable_redis.start)
        for replica in replicas:
            await replica.load()

    assert [await replica.is_revoked(target) for replica in replicas for target in targets] == [True] * 15


@NEVER_LIVE
async def test_a_restored_backup_that_calls_itself_loaded_is_not_believed(
    replicas: list[Replica], recorded: FakeRevocations, disposable_redis: EmbeddedRedis
) -> None:
    await replicas[0].store.revoke([revocation(new_target())])
    await replicas[0].redis.save()
    targets = [new_target() for _ in range(5)]
    await replicas[0].store.revoke([revocation(target) for target in targets])
    await asyncio.to_thread(disposable_redis.kill)
    await asyncio.to_thread(disposable_redis.start)
    restored = await replicas[0].redis.get(MARKER)
    process = await replicas[0].redis.info("server")

    async with never_live(replicas, targets):
        await asyncio.sleep(0.05)
        for replica in replicas:
            await replica.load()
    recorded.away = True

    assert restored is not None
    assert not restored.startswith(process["run_id"].encode())
    assert all([await replica.is_revoked(target) for replica in replicas for target in targets])


@NEVER_LIVE
async def test_a_server_that_was_a_replica_in_between_is_not_believed(
    replicas: list[Replica], recorded: FakeRevocations
) -> None:
    redis, lost = replicas[0].redis, new_target()
    before = await redis.get(MARKER)

    await redis.replicaof("127.0.0.1", "1")
    # What its master was told meanwhile and has not passed on.
    await recorded.record([revocation(lost)])
    await redis.replicaof("NO", "ONE")
    # As Sentinels do when they promote a server.
    await redis.client_kill_filter(_type="normal")
    after = await redis.get(MARKER)
    states = []
    for _ in range(3):
        states += [await replica.is_revoked(lost) for replica in replicas]
        await asyncio.sleep(0.03)

    assert before == after
    assert states == [True] * 9


@NEVER_LIVE
async def test_a_flush_in_the_middle_of_loading_is_noticed(disposable_redis: EmbeddedRedis) -> None:
    recorded = SteppedRevocations()
    targets = [new_target() for _ in range(30)]
    await recorded.record([revocation(target) for target in targets])

    async with open_replicas(recorded, disposable_redis.url, 2) as (replica, other):
        await replica.store.find([])
        await recorded.reached.get()
        recorded.steps.release()
        await recorded.reached.get()
        await replica.redis.flushall()
        recorded.let_everything_through()
        async with never_live([replica, other], targets):
            await replica.load()

        recorded.away = True
        assert all([await replica.is_revoked(target) for target in targets])


@NEVER_LIVE
async def test_a_flush_before_the_last_step_of_loading_is_noticed(disposable_redis: EmbeddedRedis) -> None:
    recorded = SteppedRevocations()
    targets = [new_target() for _ in range(15)]
    await recorded.record([revocation(target) for target in targets])

    async with open_replicas(recorded, disposable_redis.url) as (replica,):
        await replica.store.find([])
        recorded.steps.release()
        recorded.steps.release()
        while await recorded.reached.get() >= 0:
            pass
        await replica.redis.flushall()
        recorded.steps.release()
        await asyncio.sleep(0.02)
        is_loaded = await replica.is_loaded()

    assert not is_loaded


@NEVER_LIVE
async def test_a_restart_in_the_middle_of_loading_is_noticed(disposable_redis: EmbeddedRedis) -> None:
    recorded = SteppedRevocations()
    targets = [new_target() for _ in range(30)]
    await recorded.record([revocation(target) for target in targets])

    async with open_replicas(recorded, disposable_redis.url) as (replica,):
        await replica.store.find([])
        await recorded.reached.get()
        recorded.steps.release()
        await recorded.reached.get()
        # The backup holds the loader's own mark, and a part of what it has loaded.
        await replica.redis.save()
        await asyncio.to_thread(disposable_redis.kill)
        await asyncio.to_thread(disposable_redis.start)
        recorded.let_everything_through()
        async with never_live([replica], targets):
            await asyncio.sleep(0.1)
            await replica.redis.delete(MARKER)
            await replica.load()

        recorded.away = True
        assert all([await replica.is_revoked(target) for target in targets])


@NEVER_LIVE
async def test_loading_does_not_put_an_older_moment_over_a_newer_one(disposable_redis: EmbeddedRedis) -> None:
    recorded = SteppedRevocations()
    target = new_target()
    older = revocation(target)
    newer = revocation(target, older.revoked_at + timedelta(minutes=1))
    await recorded.record([older])

    async with open_replicas(recorded, disposable_redis.url) as (replica,):
        await replica.store.find([])
        await recorded.reached.get()
        await replica.store.revoke([newer])
        recorded.let_everything_through()
        await replica.load()
        recorded.away = True

        (found,) = await replica.store.find([target])

    assert found == newer


@AWAY
async def test_a_redis_that_hangs_delays_one_question_and_not_every_one(
    replicas: list[Replica], recorded: FakeRevocations, disposable_redis: EmbeddedRedis
) -> None:
    target = new_target()
    await recorded.record([revocation(target)])
    loop, pid = asyncio.get_running_loop(), disposable_redis.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        started = loop.time()
        assert await replicas[0].is_revoked(target)
        first = loop.time() - started
        assert await replicas[0].is_revoked(target)
        second = loop.time() - started - first
    finally:
        os.kill(pid, signal.SIGCONT)

    assert first >= TIMEOUT.total_seconds()
    assert second < TIMEOUT.total_seconds() / 5


@AWAY
async def test_a_full_redis_refuses_revocation_and_is_no_longer_believed(replicas: list[Replica]) -> None:
    target = new_target()
    await replicas[0].redis.config_set("maxmemory", "1")

    with pytest.raises(TemporarilyUnavailable):
        await replicas[0].store.revoke([revocation(target)])

    assert [await replica.is_revoked(target) for replica in replicas] == [True] * 3


@AWAY
async def test_a_redis_that_has_become_a_replica_refuses_revocation(replicas: list[Replica]) -> None:
    await replicas[0].redis.replicaof("127.0.0.1", "1")

    with pytest.raises(TemporarilyUnavailable):
        await replicas[0].store.revoke([revocation(new_target())])


@pytest.mark.requirement("security 22: a storage failure is never taken for a revocation that is done")
async def test_a_revocation_that_only_postgresql_got_is_known_once_its_replica_reaches_redis(
    replicas: list[Replica], recorded: FakeRevocations, disposable_redis: EmbeddedRedis
) -> None:
    target = new_target()

    async with TcpProxy(disposable_redis.url) as proxy, open_replicas(recorded, proxy.url) as (cut_off,):
        proxy.cut()
        with pytest.raises(TemporarilyUnavailable):
            await cut_off.store.revoke([revocation(target)])
        known_here = await cut_off.is_revoked(target)
        proxy.heal()
        await until_revoked(replicas[0], target)

    assert known_here


@AWAY
async def test_codes_are_refused_while_redis_is_away_and_taken_when_it_is_back(disposable_redis: EmbeddedRedis) -> None:
    value = generate_code()
    async with connect(disposable_redis.url, timeout=TIMEOUT) as redis:
        codes = redis_codes(redis)
        await codes.put(value, CODE)
        await redis.save()
        await asyncio.to_thread(disposable_redis.kill)

        for attempt in (codes.consume(value, HOLDER), codes.release(value), codes.put(value, CODE)):
            with pytest.raises(TemporarilyUnavailable):
                await attempt
        await asyncio.to_thread(disposable_redis.start)

        assert (await codes.consume(value, HOLDER)).outcome is RedemptionOutcome.TAKEN


async def test_a_restart_costs_no_request_an_error(disposable_redis: EmbeddedRedis) -> None:
    async with connect(disposable_redis.url, timeout=TIMEOUT) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(10)))
        await asyncio.to_thread(disposable_redis.restart)

        answers = await asyncio.gather(*(redis.ping() for _ in range(10)))

    assert answers == [True] * 10


@pytest.mark.requirement("security 15: one success per code, although an answer is lost")
async def test_a_command_whose_answer_is_lost_is_not_sent_again(disposable_redis: EmbeddedRedis) -> None:
    async with (
        TcpProxy(disposable_redis.url) as proxy,
        connect(proxy.url, timeout=TIMEOUT) as redis,
        connect(disposable_redis.url) as witness,
    ):
        codes = redis_codes(redis)
        await codes.consume(generate_code(), HOLDER)
        await witness.config_resetstat()
        proxy.silence()

        with pytest.raises(TemporarilyUnavailable):
            await codes.consume(generate_code(), HOLDER)

        statistics = await witness.info("commandstats")

    assert statistics["cmdstat_evalsha"]["calls"] == 1
