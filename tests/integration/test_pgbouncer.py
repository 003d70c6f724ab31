"""The whole system through PgBouncer, which gives every transaction another connection to PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from support.database_roles import as_role
from support.eventually import eventually
from support.fleet import Fleet
from support.operator_cli import Operator, environment_of
from support.pgbouncer import PgBouncer, find_pgbouncer
from support.relying_party import RelyingParty
from support.system import System, test_settings
from support.systems import running_system
from support.whole_flow import require_whole_flow
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.key_rotation.__main__ import run
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

pytestmark = pytest.mark.skipif(
    find_pgbouncer() is None, reason="there is no pgbouncer on this machine: apt-get install pgbouncer"
)
POOLED = pytest.mark.requirement("operations: everything works through PgBouncer in transaction mode")
SCOPE = "openid offline_access api:read"
SLEEP = Statement("test.sleep", "SELECT pg_sleep(30)")
WHO = Statement("test.who", "SELECT pg_backend_pid() AS pid, $1::text AS said")


@pytest.fixture(scope="module")
def pgbouncer(postgres_server: EmbeddedPostgres) -> Iterator[PgBouncer]:
    with PgBouncer(postgres_server.dsn) as pooler:
        yield pooler


@pytest.fixture(scope="module", params=["listening past it", "only through it"])
def fleet(
    request: pytest.FixtureRequest, pgbouncer: PgBouncer, postgres_server: EmbeddedPostgres, migrated_template: str
) -> Iterator[Fleet]:
    """Two replicas whose connections all go through PgBouncer, but for those that listen where they may."""
    changes = {"key_poll_interval": "1s", "client_cache_lifetime": "2s"}
    past = request.param == "listening past it"
    options: dict[str, Any] = {"replicas": 2, "changes": changes, "through": pgbouncer, "listens_past_it": past}
    with running_system(postgres_server, migrated_template, **options) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.fixture
async def web(fleet: Fleet) -> AsyncIterator[RelyingParty]:
    party = await fleet.new_party()
    yield party
    await party.browser.close()


@POOLED
async def test_login_refresh_introspection_and_revocation_work_at_every_replica(fleet: Fleet) -> None:
    for replica in range(2):
        await require_whole_flow(fleet, replica)


@POOLED
async def test_many_at_once_share_a_few_connections(fleet: Fleet, web: RelyingParty) -> None:
    replies = [await web.log_in(scope=SCOPE) for _ in range(4)]
    at = fleet.at_each(web, "token")

    refreshed = await asyncio.gather(
        *(at[number % 2].refresh(reply.refresh_token) for reply in replies for number in range(10))
    )

    connections = await _connections(fleet.system)
    assert [reply.status for reply in refreshed] == [200] * 40
    assert connections["valetkey token"] <= 2


@POOLED
async def test_a_change_of_a_client_reaches_every_replica(fleet: Fleet, web: RelyingParty) -> None:
    at = fleet.at_each(web, "token")
    assert {(await each.refresh("not a token")).error for each in at} == {"invalid_grant"}

    await fleet.system.administration.disable_client(web.client)

    async def is_known() -> bool:
        return {(await each.refresh("not a token")).error for each in at} == {"invalid_client"}

    await eventually(is_known)


@POOLED
async def test_replicas_listen_past_the_pooler_or_not_at_all(fleet: Fleet) -> None:
    expected = {f"valetkey {name} listener" for name in fleet.system.urls} if fleet.system.listens_past_it else set()

    async def listeners() -> set[str]:
        return {name for name in await _connections(fleet.system) if name.endswith(" listener")}

    async def listens() -> bool:
        return await listeners() == expected

    await eventually(listens)
    assert await listeners() == expected


@POOLED
async def test_everything_works_again_after_the_pooler_was_restarted(
    fleet: Fleet, web: RelyingParty, pgbouncer: PgBouncer
) -> None:
    before = await web.log_in(scope=SCOPE)

    await asyncio.to_thread(pgbouncer.kill)
    away = await web.refresh(before.refresh_token)
    await asyncio.to_thread(pgbouncer.start)

    async def works() -> bool:
        return (await web.refresh(before.refresh_token)).status == 200

    await eventually(works)
    await require_whole_flow(fleet, 0)
    assert (away.status, away.error) == (503, "temporarily_unavailable")


@POOLED
async def test_an_operator_works_through_it_and_migrates_past_it(
    pgbouncer: PgBouncer, empty_postgres_dsn: str, redis_url: str
) -> None:
    settings = test_settings(
        "https://id.example",
        pgbouncer.dsn_of(empty_postgres_dsn),
        redis_url,
        postgres_pooler="transaction",
        postgres_listen_dsn=empty_postgres_dsn,
    )
    operator = Operator(environment_of(settings)).with_variables(
        postgres_pooler="transaction", postgres_listen_dsn=empty_postgres_dsn
    )

    await asyncio.to_thread(operator.succeed, "migrate", "up")
    rotated = [await asyncio.to_thread(operator.json, "rotate-keys") for _ in range(3)]
    listed = [await asyncio.to_thread(operator.json, "client", "list") for _ in range(3)]

    assert len(rotated[0]["created"]) == 4
    assert listed == [[], [], []]


@POOLED
async def test_one_at_a_time_rotates_keys_through_it(pgbouncer: PgBouncer, postgres_dsn: str, redis_url: str) -> None:
    settings = test_settings(
        "https://id.example", pgbouncer.dsn_of(postgres_dsn), redis_url, postgres_pooler="transaction"
    )
    operator = Operator(environment_of(settings)).with_variables(postgres_pooler="transaction")

    await asyncio.to_thread(operator.json, "rotate-keys")
    async with asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(_rotate(settings)) for _ in range(3)]

    assert all(run.result() == [] for run in runs)


@POOLED
async def test_without_the_setting_prepared_statements_fail_and_with_it_they_do_not(
    pgbouncer: PgBouncer, postgres_dsn: str
) -> None:
    dsn = pgbouncer.dsn_of(as_role(postgres_dsn, "token"))

    async def use(*, pooled: bool) -> set[int]:
        async with Database(dsn, max_size=4, pooled=pooled) as one, Database(dsn, max_size=4, pooled=pooled) as other:
            pids = set()
            for _ in range(5):
                rows = await asyncio.gather(*(each.fetch_row(WHO, "x") for each in (one, other, one, other)))
                pids |= {row["pid"] for row in rows if row is not None}
            return pids

    pids = await use(pooled=True)

    assert 1 <= len(pids) <= 2
    with pytest.raises((asyncpg.PostgresError, TemporarilyUnavailable)):
        await use(pooled=False)


@POOLED
async def test_a_statement_that_takes_too_long_is_ended_on_the_server(pgbouncer: PgBouncer, postgres_dsn: str) -> None:
    async with Database(pgbouncer.dsn_of(postgres_dsn), timeout=timedelta(seconds=1), pooled=True) as database:
        with pytest.raises(TemporarilyUnavailable):
            await database.execute(SLEEP)

        async def is_over() -> bool:
            row = await database.fetch_row(
                Statement(
                    "test.count", "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                )
            )
            return row is not None and row["n"] == 0

        await eventually(is_over)


async def _rotate(settings: Settings) -> list[str]:
    return [kid for kids in (await run(settings)).changes.values() for kid in kids]


async def _connections(system: System) -> dict[str, int]:
    """How many connections PostgreSQL has for each application."""
    connection = await asyncpg.connect(system.postgres_dsn)
    rows = await connection.fetch(
        "SELECT application_name AS name, count(*) AS n FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename LIKE 'valetkey%' GROUP BY 1"
    )
    await connection.close()
    return {row["name"]: row["n"] for row in rows}
