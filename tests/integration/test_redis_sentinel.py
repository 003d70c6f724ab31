"""A master that dies, and Sentinels that name another one: no code is redeemed twice."""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field

import asyncpg
import pytest
from redis.asyncio import Redis

from support.fleet import Fleet
from support.planted_codes import planted_codes
from support.redis_sentinel import EmbeddedSentinels, frozen
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.system import System
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.redis.kept.keyspace import code_key

CODES = 10
RECOVERED_WITHIN = 30.0
ONCE = pytest.mark.requirement("security 15: one success per code, across Redis restart and failover")
NEVER_AGAIN = pytest.mark.requirement("security 56: failover never resurrects a spent code")


@dataclass
class Redeemer:
    """Redeems codes, and remembers every answer."""

    party: RelyingParty
    answers: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))

    async def redeem(self, code: CodeResponse) -> Reply:
        reply = await self.party.redeem(code)
        self.answers[code.code].append(reply)
        return reply

    async def redeem_all(self, codes: list[CodeResponse]) -> list[tuple[int, str | None]]:
        replies = await asyncio.gather(*map(self.redeem, codes))
        return [(reply.status, reply.error) for reply in replies]

    async def redeem_until_decided(self, code: CodeResponse) -> tuple[int, str | None]:
        async with asyncio.timeout(RECOVERED_WITHIN):
            reply = await self.redeem(code)
            while reply.status == 503:
                await asyncio.sleep(0.05)
                reply = await self.redeem(code)
        return reply.status, reply.error

    def successes(self, codes: list[CodeResponse]) -> list[int]:
        return [sum(reply.status == 200 for reply in self.answers[code.code]) for code in codes]


@pytest.fixture
def sentinels() -> Iterator[EmbeddedSentinels]:
    """Servers and Sentinels of the test's own, to kill."""
    with EmbeddedSentinels() as sentinels:
        yield sentinels


@ONCE
@NEVER_AGAIN
@pytest.mark.requirement("architecture 4: Redis away: code redemption: 503 temporarily_unavailable + Retry-After")
def test_no_code_is_redeemed_twice_over_a_failover_and_services_recover(
    disposable_postgres: EmbeddedPostgres, sentinels: EmbeddedSentinels
) -> None:
    dsn = disposable_postgres.dsn_of("valetkey")
    with System(dsn, sentinels.url, replicas=2) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))
        asyncio.run(_fail_over_while_codes_are_redeemed(fleet, sentinels, dsn))


async def _fail_over_while_codes_are_redeemed(fleet: Fleet, sentinels: EmbeddedSentinels, dsn: str) -> None:
    async with AsyncExitStack() as stack:
        party = await fleet.new_party()
        stack.push_async_callback(party.browser.close)
        planted = await stack.enter_async_context(planted_codes(fleet.system, party))
        redeemer = Redeemer(party)
        kept, lost, during = [[await planted.plant() for _ in range(CODES)] for _ in range(3)]

        before = await redeemer.redeem_all(kept)
        await asyncio.to_thread(sentinels.until_written_twice)
        with ExitStack() as freezer:
            freezer.enter_context(sentinels.replica_left_behind())
            before += await redeemer.redeem_all(lost)
            # The master gets what is in flight now, and never answers.
            freezer.enter_context(frozen(sentinels.first))
            in_flight = [asyncio.create_task(redeemer.redeem_until_decided(code)) for code in during]
            await asyncio.sleep(0.2)
            answered_by_the_frozen = sum(map(len, (redeemer.answers[code.code] for code in during)))
            sentinels.first.kill()
            killed_at = time.monotonic()
        await asyncio.gather(*in_flight)
        recovered_after = time.monotonic() - killed_at
        await asyncio.to_thread(sentinels.until_failed_over)
        with sentinels.second.client() as client:
            states = [{client.getrange(code_key(code.code), 0, 0) for code in codes} for codes in (kept, lost, during)]
        rows = await _count_authorizations(dsn)
        # A replica may have yet to hear who is the master now.
        again = await asyncio.gather(*map(redeemer.redeem_until_decided, [*kept, *lost, *during]))
        rows_again = await _count_authorizations(dsn)
        late = await redeemer.redeem_all([await planted.plant()])

    refused = {(r.status, r.error) for replies in redeemer.answers.values() for r in replies if r.status != 200}
    # Shown by `pytest -rP`.
    sys.stdout.write(f"codes were redeemed again {recovered_after:.1f} s after the master was killed\n")
    assert before == [(200, None)] * 2 * CODES
    assert answered_by_the_frozen == 0
    assert all(len(redeemer.answers[code.code]) > 2 for code in during), "each was refused while there was no master"
    # The new master has never heard that these were spent.
    assert states == [{b"S"}, {b"F"}, {b"S"}]
    assert again == [(400, "invalid_grant")] * 3 * CODES
    assert redeemer.successes([*kept, *lost, *during]) == [1] * 3 * CODES
    assert refused == {(400, "invalid_grant"), (503, "temporarily_unavailable")}
    assert rows == rows_again == 3 * CODES
    assert recovered_after < RECOVERED_WITHIN
    assert late == [(200, None)]


@ONCE
@NEVER_AGAIN
async def test_postgresql_refuses_a_code_that_redis_has_forgotten_to_be_spent(
    fleet: Fleet, web: RelyingParty, resource_server: RelyingParty
) -> None:
    redis = Redis.from_url(fleet.system.settings.redis_url.reveal())
    async with redis, planted_codes(fleet.system, web) as planted:
        code = await planted.plant()
        fresh = await redis.get(code_key(code.code))
        first = await web.redeem(code)
        rows = await _count_authorizations(fleet.system.postgres_dsn)

        assert isinstance(fresh, bytes)
        # As a failover that has lost the last writes leaves it.
        await redis.set(code_key(code.code), fresh, px=60_000)
        second = await web.redeem(code)
        rows_again = await _count_authorizations(fleet.system.postgres_dsn)
        states = await fleet.active(resource_server, [first.access_token])

    assert first.status == 200
    assert (second.status, second.error) == (400, "invalid_grant")
    assert rows_again == rows
    assert not any(states), "a valid replay revokes what was issued"


async def _count_authorizations(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM authorizations"))
    finally:
        await connection.close()
