"""Everything on a real Redis Cluster: slots that move, nodes that die."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from support.fake_revocations import FakeRevocations
from support.fleet import Fleet
from support.redis_cluster import EmbeddedCluster
from support.redis_sentinel import frozen
from support.revocation_store import Replica, new_target, open_replicas, revocation
from support.sealing import redis_codes
from support.system import System
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import CodeBinding, RedemptionOutcome, generate_code
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import RevocationTarget
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED, code_key

MARKER = REVOCATIONS_LOADED.prefix
HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    """A Cluster of the test's own, whose first master has a replica."""
    with EmbeddedCluster(replicas=1) as cluster:
        yield cluster


def test_a_whole_login_refresh_and_revocation_on_a_cluster(
    disposable_postgres: EmbeddedPostgres, redis_cluster: EmbeddedCluster
) -> None:
    with System(disposable_postgres.dsn_of("valetkey"), redis_cluster.url) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))

        async def live() -> list[bool]:
            party, api = await fleet.new_party(), fleet.new_api()
            tokens = await party.log_in(scope="openid offline_access api:read")
            refreshed = await party.refresh(tokens.refresh_token)
            before = await api.introspect(refreshed.access_token)
            await party.revoke(refreshed.refresh_token)
            after = await api.introspect(refreshed.access_token)
            await party.browser.close()
            await api.browser.close()
            return [before.active, after.active]

        states = asyncio.run(live())

    assert states == [True, False]


@pytest.mark.requirement("architecture 3: after /revoke has answered, no replica says active")
async def test_revoked_is_never_active_while_the_slot_of_revocations_moves(cluster: EmbeddedCluster) -> None:
    recorded, stop, wrong = FakeRevocations(), asyncio.Event(), []
    async with open_replicas(recorded, cluster.url, 2) as (writer, reader):
        await reader.load()
        revoked = [new_target()]
        await writer.store.revoke([revocation(revoked[0])])

        async def revoke() -> None:
            while not stop.is_set():
                target = new_target()
                try:
                    await writer.store.revoke([revocation(target)])
                except TemporarilyUnavailable:
                    await asyncio.sleep(0.01)
                    continue
                revoked.append(target)

        async def read() -> None:
            while not stop.is_set():
                target = revoked[-1]
                if not await reader.is_revoked(target):
                    wrong.append(target)

        work = [asyncio.create_task(revoke()), asyncio.create_task(read())]
        for _ in range(6):
            home = cluster.owner(MARKER)
            to = next(node for node in cluster.masters if node is not home)
            await asyncio.to_thread(cluster.move_slot, MARKER, to)
            await asyncio.sleep(0.3)
        stop.set()
        await asyncio.gather(*work)
        await reader.load()

        assert not wrong
        assert all([await reader.is_revoked(target) for target in revoked])
        assert len(revoked) > 100


@pytest.mark.requirement("security 56: a failover never resurrects a revoked token")
async def test_a_slot_that_was_away_and_came_back_unread_is_not_believed(cluster: EmbeddedCluster) -> None:
    recorded, lost = FakeRevocations(), new_target()
    async with open_replicas(recorded, cluster.url, 2) as (connected, fresh):
        await connected.load()
        home = cluster.owner(MARKER)
        elsewhere = next(node for node in cluster.masters if node is not home)
        with home.client() as client:
            before = client.get(MARKER), client.info("server")["run_id"]

        await asyncio.to_thread(cluster.move_slot, MARKER, elsewhere)
        await asyncio.to_thread(cluster.until_epochs_are_known)
        # Nodes forget nothing within less: a connection that was in use would have been redirected.
        await asyncio.sleep(0.1)
        # What the other node was told and has forgotten, as after a failover of its own.
        await recorded.record([revocation(lost)])
        await asyncio.to_thread(cluster.move_slot, MARKER, home)
        with home.client() as client:
            after = client.get(MARKER), client.info("server")["run_id"]
        states = [await replica.is_revoked(lost) for replica in (connected, fresh)]
        states += await asyncio.gather(*(redis_knows(replica, lost) for replica in (connected, fresh)))

    assert before == after
    assert states == [True] * 4


@pytest.mark.requirement("security 15: one success per code under any number of parallel redemptions on any replicas")
async def test_a_code_is_taken_once_while_its_slot_moves(cluster: EmbeddedCluster) -> None:
    rounds: Counter[int] = Counter()
    async with connect(cluster.url) as one, connect(cluster.url) as other:
        replicas = [redis_codes(one), redis_codes(other)]
        for _ in range(10):
            value = generate_code()
            await replicas[0].put(value, CODE)
            key = code_key(value)
            to = next(node for node in cluster.masters if node is not cluster.owner(key))
            moving = asyncio.create_task(asyncio.to_thread(cluster.move_slot, key, to))

            outcomes = [
                answer.outcome
                for _ in range(10)
                for answer in await asyncio.gather(*(each.consume(value, HOLDER) for each in replicas))
            ]

            await moving
            rounds[outcomes.count(RedemptionOutcome.TAKEN)] += 1

    assert rounds == {1: 10}


@pytest.mark.requirement("security 56: a failover never resurrects a revoked token")
async def test_a_node_that_dies_is_replaced_and_its_revocations_are_not_believed(cluster: EmbeddedCluster) -> None:
    recorded, target = FakeRevocations(), new_target()
    async with open_replicas(recorded, cluster.url) as (replica,):
        if cluster.owner(MARKER) is not cluster.masters[0]:
            cluster.move_slot(MARKER, cluster.masters[0])
        await replica.load()
        cluster.masters[0].kill()

        with pytest.raises(TemporarilyUnavailable):
            await replica.store.revoke([revocation(target)])
        states = [await replica.is_revoked(target)]
        async with asyncio.timeout(30):
            while not await replica.is_loaded():
                states.append(await replica.is_revoked(target))
                await asyncio.sleep(0.05)
        states.append(await replica.is_revoked(target))

    assert set(states) == {True}


@pytest.mark.requirement("security 56: a failover never resurrects a revoked token")
@pytest.mark.parametrize("attempt", range(2))
async def test_a_master_that_hung_and_was_replaced_is_not_believed_when_it_wakes(
    cluster: EmbeddedCluster, attempt: int
) -> None:
    recorded, target = FakeRevocations(), new_target()
    async with open_replicas(recorded, cluster.url, 8) as (writer, *idle):
        if cluster.owner(MARKER) is not cluster.masters[0]:
            await asyncio.to_thread(cluster.move_slot, MARKER, cluster.masters[0])
        for replica in (writer, *idle):
            await replica.load()

        with frozen(cluster.masters[0]):
            async with asyncio.timeout(30):
                await until_done(writer, target)
            await writer.load()
        states = []
        for replica in idle:
            states += [await replica.is_revoked(target), await replica.is_revoked(target)]
            await asyncio.sleep(0.003)

    assert states == [True] * 14


async def until_done(replica: Replica, target: RevocationTarget) -> None:
    is_done = False
    while not is_done:
        try:
            await replica.store.revoke([revocation(target)])
            is_done = True
        except TemporarilyUnavailable:
            await asyncio.sleep(0.05)


async def redis_knows(replica: Replica, target: RevocationTarget) -> bool:
    async with asyncio.timeout(30):
        while True:
            await replica.load()
            with suppress(TemporarilyUnavailable):
                found = await replica.half.find([target])
                if found is not None:
                    return bool(found)


@pytest.mark.requirement("security 55: dependencies away: fail closed, 503")
async def test_an_address_taken_by_another_server_counts_as_the_node_being_down(cluster: EmbeddedCluster) -> None:
    gone = cluster.masters[0]
    codes = {value: cluster.owner(code_key(value)) is gone for value in (generate_code() for _ in range(60))}
    async with connect(cluster.url) as redis:
        store = redis_codes(redis)
        await asyncio.gather(*(store.put(value, CODE) for value in codes))

    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    # So that no replica takes its place, and every command for its slots goes to the server there now.
    cluster.replicas[0].kill()
    gone.kill()
    async with await asyncio.start_server(speak, "127.0.0.1", gone.port), connect(cluster.url) as redis:
        store, outcomes = redis_codes(redis), Counter[str]()
        for value, was_there in codes.items():
            try:
                redemption = await store.consume(value, HOLDER)
            except TemporarilyUnavailable:
                outcomes["away" if was_there else "lost"] += 1
            else:
                outcomes["wrong" if was_there else redemption.outcome.name] += 1

    assert outcomes == {"away": sum(codes.values()), "TAKEN": len(codes) - sum(codes.values())}
    assert min(outcomes.values()) > 5
