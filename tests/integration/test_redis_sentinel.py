"""A master that dies, and Sentinels that name another one, in the middle of everything."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from support.fake_revocations import FakeRevocations
from support.fleet import Fleet
from support.planted_codes import PlantedCodes, planted_codes
from support.redis_sentinel import EmbeddedSentinels
from support.relying_party import CodeResponse, RelyingParty
from support.revocation_store import new_target, open_replicas, revocation
from support.system import System
from valetkey.cli.demo.embedded_postgres import EmbeddedPostgres
from valetkey.core.errors import TemporarilyUnavailable
from valetkey.runtime.redis.connection import connect
from valetkey.runtime.redis.errors import redis_operation

CODES = 60


@pytest.fixture
def sentinels() -> Iterator[EmbeddedSentinels]:
    """Servers and Sentinels of the test's own, to kill."""
    with EmbeddedSentinels() as sentinels:
        yield sentinels


@pytest.mark.requirement("security 15: one success per code, also over a failover of Redis")
def test_no_code_is_redeemed_twice_over_a_failover_and_services_recover(
    disposable_postgres: EmbeddedPostgres, sentinels: EmbeddedSentinels
) -> None:
    with System(disposable_postgres.dsn_of("valetkey"), sentinels.url, replicas=2) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))

        async def live() -> tuple[Counter[int], set[int], int]:
            party = await fleet.new_party()
            async with planted_codes(system, party) as planted:
                codes = [await planted.plant() for _ in range(CODES)]
                successes: Counter[int] = Counter()
                statuses: set[int] = set()

                async def redeem(number: int, code: CodeResponse) -> None:
                    reply = await party.redeem(code)
                    statuses.add(reply.status)
                    successes[number] += reply.status == 200

                first = [redeem(number, code) for number, code in enumerate(codes) for _ in range(2)]
                half = asyncio.gather(*first[:CODES])
                await asyncio.to_thread(sentinels.first.kill)
                await asyncio.gather(half, *first[CODES:])
                await asyncio.to_thread(_until_failed_over, sentinels)
                await asyncio.gather(*(redeem(number, code) for number, code in enumerate(codes)))
                # A login of its own, through pages and Redis, once all has settled.
                async with asyncio.timeout(20):
                    while True:
                        late = await _plant_and_redeem(planted, party)
                        if late == 200:
                            break
                        await asyncio.sleep(0.1)
            await party.browser.close()
            return successes, statuses, late

        successes, statuses, late = asyncio.run(live())

    assert max(successes.values()) == 1
    assert statuses <= {200, 400, 503}
    assert late == 200


@pytest.mark.requirement("architecture 4: a revoked token is never active")
async def test_revoked_is_never_active_over_a_failover(sentinels: EmbeddedSentinels) -> None:
    recorded = FakeRevocations()
    async with open_replicas(recorded, sentinels.url, 2) as (writer, reader):
        await reader.load()
        revoked, wrong, killed_at = [new_target()], [], 0.0
        await writer.store.revoke([revocation(revoked[0])])
        started = time.monotonic()
        while time.monotonic() - started < 8:
            if not killed_at and time.monotonic() - started > 1:
                sentinels.first.kill()
                killed_at = time.monotonic()
            target = new_target()
            try:
                await writer.store.revoke([revocation(target)])
                revoked.append(target)
            except TemporarilyUnavailable:
                await asyncio.sleep(0.02)
            wrong += [target for target in (revoked[-1], revoked[0]) if not await reader.is_revoked(target)]

        await reader.load()

        assert not wrong
        assert all([await reader.is_revoked(target) for target in revoked])
        assert sentinels.master is sentinels.second


async def test_a_demoted_master_is_left_for_the_new_one(sentinels: EmbeddedSentinels) -> None:
    async with connect(sentinels.url) as redis:
        await redis.set("before", "1")
        with sentinels.sentinels[0].client() as client:
            client.execute_command("SENTINEL", "FAILOVER", "valetkey")
        async with asyncio.timeout(20):
            while True:
                try:
                    with redis_operation("test"):
                        await redis.set("after", "1")
                    if sentinels.master is sentinels.second:
                        await asyncio.sleep(1.1)
                        with redis_operation("test"):
                            await redis.set("late", "1")
                        break
                except TemporarilyUnavailable:
                    pass
                await asyncio.sleep(0.05)

    with sentinels.second.client() as client:
        assert client.get("late") == b"1"


def _until_failed_over(sentinels: EmbeddedSentinels) -> None:
    deadline = time.monotonic() + 30
    while sentinels.master is not sentinels.second:
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def _plant_and_redeem(planted: PlantedCodes, party: RelyingParty) -> int:
    try:
        code = await planted.plant()
    except TemporarilyUnavailable:
        return 503
    return (await party.redeem(code)).status
