"""What introspection may rely on about revocations, whatever becomes of the two stores."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.fake_revocations import FakeRevocations
from support.redis_topologies import URL_FIXTURES
from support.revocation_store import NOW, Replica, new_target, open_replicas, revocation
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import (
    REVOCATION_MARGIN,
    Revocation,
    RevocationTarget,
    authorization_target,
    client_target,
    subject_target,
    token_target,
)
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.revocations import RevocationRecords
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED
from valetkey.storage.revocation import RecordedRevocations

MARKER = REVOCATIONS_LOADED.prefix
NOWHERE = "redis://127.0.0.1:1/0"
# Commands of a connection, and of the count itself.
NO_QUESTIONS = {"cmdstat_auth", "cmdstat_client", "cmdstat_config", "cmdstat_hello", "cmdstat_info", "cmdstat_ping"}


@pytest.fixture
def fake() -> FakeRevocations:
    return FakeRevocations()


@pytest.fixture(params=["fake", "postgres"])
def postgres_dsn_if_asked_for(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None


@pytest.fixture
async def recorded(postgres_dsn_if_asked_for: str | None) -> AsyncIterator[RecordedRevocations]:
    if postgres_dsn_if_asked_for is None:
        yield FakeRevocations()
        return
    async with Database(postgres_dsn_if_asked_for) as database:
        yield RevocationRecords(database)


@pytest.fixture
async def replica(fake: FakeRevocations, redis_url: str) -> AsyncIterator[Replica]:
    async with open_replicas(fake, redis_url) as (one,):
        yield one


@pytest.fixture
async def loaded(replica: Replica) -> Replica:
    await replica.load()
    return replica


class TestBothStores:
    """Whichever of them answers."""

    TARGETS: Sequence[RevocationTarget] = (
        token_target("a9Zk-jti"),
        authorization_target(uuid4()),
        client_target("web:with:colons {and} spaces"),
        subject_target(str(uuid4())),
    )

    @pytest.fixture(params=["asked of PostgreSQL", *URL_FIXTURES])
    async def replicas(
        self, request: pytest.FixtureRequest, recorded: RecordedRevocations
    ) -> AsyncIterator[list[Replica]]:
        from_redis = request.param in URL_FIXTURES
        url = request.getfixturevalue(URL_FIXTURES[request.param]) if from_redis else NOWHERE
        async with open_replicas(recorded, url, 3) as replicas:
            if from_redis:
                for replica in replicas:
                    await replica.load()
            yield replicas

    @pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
    @pytest.mark.requirement("architecture 3: after /revoke has answered, no replica says active")
    async def test_what_is_revoked_is_revoked_for_every_replica(
        self, replicas: list[Replica], recorded: RecordedRevocations, target: RevocationTarget
    ) -> None:
        revoked = revocation(target)
        await revoke(replicas[0], recorded, [revoked])

        found = [list(await replica.store.find([new_target(), target])) for replica in replicas]

        assert found == [[revoked]] * 3

    async def test_what_is_not_revoked_is_not_found(
        self, replicas: list[Replica], recorded: RecordedRevocations
    ) -> None:
        await revoke(replicas[0], recorded, [revocation(target) for target in self.TARGETS])

        others = [token_target("web"), client_target("a9Zk-jti"), authorization_target(uuid4()), new_target()]

        assert list(await replicas[1].store.find(others)) == []

    async def test_a_revocation_only_grows(self, replicas: list[Replica], recorded: RecordedRevocations) -> None:
        target = new_target()
        hour, minute = timedelta(hours=1), timedelta(minutes=1)
        await revoke(replicas[0], recorded, [revocation(target, NOW, hour)])

        await revoke(replicas[1], recorded, [revocation(target, NOW - minute, hour)])
        after_older = list(await replicas[2].store.find([target]))
        await revoke(replicas[1], recorded, [revocation(target, NOW + minute, hour)])
        after_newer = list(await replicas[2].store.find([target]))

        assert [found.revoked_at for found in after_older] == [NOW]
        assert [found.revoked_at for found in after_newer] == [NOW + minute]

    async def test_many_are_revoked_at_once(self, replicas: list[Replica], recorded: RecordedRevocations) -> None:
        targets = [new_target() for _ in range(100)]

        await revoke(replicas[0], recorded, [revocation(target) for target in targets])

        found = await replicas[1].store.find(targets)
        assert {revoked.target for revoked in found} == set(targets)


async def revoke(replica: Replica, recorded: RecordedRevocations, revocations: Sequence[Revocation]) -> None:
    """Through the store where Redis is there, else as it was before Redis went away."""
    if await replica.is_loaded():
        await replica.store.revoke(revocations)
    else:
        await recorded.record(revocations)


@pytest.mark.requirement("security 55: an empty Redis never means that nothing was revoked")
async def test_an_empty_redis_is_not_believed(replica: Replica, fake: FakeRevocations) -> None:
    target = new_target()
    await fake.record([revocation(target)])

    first = await replica.is_revoked(target)
    await replica.load()
    fake.away = True
    second = await replica.is_revoked(target)

    assert (first, second) == (True, True)


@pytest.mark.requirement("architecture 4: with PostgreSQL away introspection goes on")
async def test_a_loaded_redis_answers_without_postgresql(loaded: Replica, fake: FakeRevocations) -> None:
    target = new_target()
    await loaded.store.revoke([revocation(target)])
    fake.away = True

    assert await loaded.is_revoked(target)
    assert not await loaded.is_revoked(new_target())


@pytest.mark.requirement("architecture 4: with Redis away introspection goes on")
async def test_postgresql_answers_without_redis(fake: FakeRevocations) -> None:
    target = new_target()
    await fake.record([revocation(target)])

    async with open_replicas(fake, NOWHERE) as (replica,):
        assert await replica.is_revoked(target)
        assert not await replica.is_revoked(new_target())


@pytest.mark.requirement("security 55: dependencies away: fail closed")
@pytest.mark.parametrize("reachable", [True, False], ids=["Redis not loaded", "Redis away"])
async def test_without_either_store_no_request_is_answered(
    fake: FakeRevocations, redis_url: str, *, reachable: bool
) -> None:
    fake.away = True

    async with open_replicas(fake, redis_url if reachable else NOWHERE) as (replica,):
        with pytest.raises(TemporarilyUnavailable):
            await replica.store.find([new_target()])


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
async def test_revoking_without_redis_is_refused_but_remembered(fake: FakeRevocations) -> None:
    target = new_target()

    async with open_replicas(fake, NOWHERE) as (replica,):
        with pytest.raises(TemporarilyUnavailable):
            await replica.store.revoke([revocation(target)])

        assert await replica.is_revoked(target)


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
async def test_revoking_without_postgresql_is_refused(loaded: Replica, fake: FakeRevocations) -> None:
    target = new_target()
    fake.away = True

    with pytest.raises(TemporarilyUnavailable):
        await loaded.store.revoke([revocation(target)])

    assert not await loaded.is_revoked(target)


@pytest.mark.requirement("architecture 3: after /revoke has answered, no replica says active")
async def test_revoking_again_tells_redis_what_the_first_attempt_could_not(
    fake: FakeRevocations, loaded: Replica
) -> None:
    target = new_target()
    async with open_replicas(fake, NOWHERE) as (cut_off,):
        with pytest.raises(TemporarilyUnavailable):
            await cut_off.store.revoke([revocation(target)])

    await loaded.store.revoke([revocation(target)])

    assert await loaded.is_revoked(target)


async def test_revoking_nothing_asks_no_store(fake: FakeRevocations) -> None:
    async with open_replicas(fake, NOWHERE) as (replica,):
        await replica.store.revoke([])

    assert fake.reads == 0


@pytest.mark.requirement("architecture 3: one MGET, coalesced across concurrent requests")
async def test_a_hundred_callers_cost_one_command(loaded: Replica, fake: FakeRevocations) -> None:
    targets = [new_target() for _ in range(100)]
    await loaded.store.revoke([revocation(target) for target in targets[::2]])
    fake.reads = 0
    await loaded.redis.config_resetstat()

    revoked = await asyncio.gather(*(loaded.is_revoked(target) for target in targets))

    calls = {name: stat["calls"] for name, stat in (await loaded.redis.info("commandstats")).items()}
    # Redis 7 names a subcommand: cmdstat_config|resetstat.
    asked = {name: count for name, count in calls.items() if name.partition("|")[0] not in NO_QUESTIONS}
    assert revoked == [True, False] * 50
    assert asked == {"cmdstat_mget": 1}
    assert fake.reads == 0


async def test_a_hundred_callers_cost_postgresql_one_question(fake: FakeRevocations) -> None:
    # Redis is not asked again while the callers come, however long that takes.
    async with open_replicas(fake, NOWHERE, pause=timedelta(minutes=1)) as (replica,):
        await replica.store.find([])
        fake.reads = 0

        await asyncio.gather(*(replica.is_revoked(new_target()) for _ in range(100)))

    assert fake.reads == 1


@pytest.mark.requirement("security 53: a client that hangs up never gets, or gives, another's answer")
async def test_cancelled_callers_disturb_no_other_caller(loaded: Replica) -> None:
    chance = random.Random(53)
    targets = [new_target() for _ in range(400)]
    await loaded.store.revoke([revocation(target) for target in targets[::2]])

    callers = [asyncio.create_task(loaded.is_revoked(target)) for target in targets]
    for caller in chance.sample(callers, 200):
        await asyncio.sleep(0)
        caller.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    answered = {number: answer for number, answer in enumerate(answers) if isinstance(answer, bool)}
    assert len(answered) >= 200
    assert all(answer == (number % 2 == 0) for number, answer in answered.items())
    assert await loaded.is_loaded()


@pytest.mark.requirement("architecture 3: revocations are kept until the tokens they kill have expired")
async def test_redis_keeps_a_revocation_until_nothing_it_kills_is_alive(loaded: Replica) -> None:
    living, dead = new_target(), new_target()
    now = datetime.now(UTC)
    await loaded.store.revoke([revocation(living, now), revocation(dead, now - timedelta(days=1))])

    (key,) = [key for key in await loaded.redis.keys() if key != MARKER.encode()]

    longest = (timedelta(hours=1) + REVOCATION_MARGIN) // timedelta(milliseconds=1)
    assert longest - 60_000 < await loaded.redis.pttl(key) <= longest


async def test_a_longer_life_is_not_cut_short_by_a_shorter_one(loaded: Replica) -> None:
    target = new_target()
    await loaded.store.revoke([revocation(target, life=timedelta(hours=5))])
    await loaded.store.revoke([revocation(target, NOW + timedelta(seconds=1), life=timedelta(hours=1))])

    (key,) = [key for key in await loaded.redis.keys() if key != MARKER.encode()]

    assert await loaded.redis.pttl(key) > 4 * 3_600_000


@pytest.mark.requirement("security 55: a Redis that may evict keys is not believed")
async def test_a_redis_that_may_evict_revocations_is_not_believed(fake: FakeRevocations, redis_url: str) -> None:
    async with open_replicas(fake, redis_url, 2) as (before, after):
        await before.redis.config_set("maxmemory", "1gb")
        await before.redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            await after.store.find([])
            await asyncio.sleep(0.05)
            await after.store.find([])

            assert not await after.is_loaded()
            assert fake.reads == 2
        finally:
            await before.redis.config_set("maxmemory-policy", "noeviction")
            await before.redis.config_set("maxmemory", "0")


async def test_two_replicas_do_not_load_over_each_other(fake: FakeRevocations, redis_url: str) -> None:
    await fake.record([revocation(new_target()) for _ in range(2000)])

    async with open_replicas(fake, redis_url, 4) as replicas:
        await asyncio.gather(*(replica.load() for replica in replicas))

        keys = await replicas[0].redis.dbsize()
        marker = await replicas[0].redis.get(MARKER)
        server = await replicas[0].redis.info("server")

    assert keys == 2001
    assert isinstance(marker, bytes)
    assert marker.startswith(server["run_id"].encode())


async def test_a_loader_that_died_is_replaced_when_its_lease_is_over(loaded: Replica) -> None:
    await loaded.redis.set(MARKER, "loading:another-process", px=150)

    await loaded.store.find([])
    await asyncio.sleep(0.05)
    during = await loaded.is_loaded()
    await loaded.load()

    assert not during
    assert await loaded.is_loaded()
