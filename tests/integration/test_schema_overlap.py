"""Old and new side by side: code on a schema that is older than it, and on one that is newer."""

import asyncio
import logging
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aiohttp import ClientSession

from support.fleet import Fleet
from support.system import System, rotate, test_settings
from support.whole_flow import require_whole_flow
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.runtime.http.server import start_app
from valetkey.runtime.settings.settings import Settings
from valetkey.storage import stores
from valetkey.storage.postgres.schema import migrate
from valetkey.storage.postgres.schema.version import SCHEMA_VERSION
from valetkey.token.app import create_token

ISSUER = "http://127.0.0.1:8080"
WHAT_TO_DO = "run `valetkey migrate up`"
WAITS = pytest.mark.requirement("operations: pods of a newer release wait rather than crash")
NEXT_VERSION = f"{int(SCHEMA_VERSION) + 1:04}"
NEXT = '''
"""Expand: every table gets columns that the code in use does not know, and there is a table that it does not know."""

from alembic import op

revision = "{next}"
down_revision = "{newest}"


def upgrade():
    tables = op.get_bind().exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
    for table in tables.all():
        if table != "alembic_version":
            op.execute(f"ALTER TABLE {{table}} ADD COLUMN extra text, ADD COLUMN count integer NOT NULL DEFAULT 7")
            op.execute(f"CREATE INDEX {{table}}_extra ON {{table}} (extra)")
    op.execute("CREATE TABLE news (id uuid PRIMARY KEY, subject uuid REFERENCES users ON DELETE CASCADE)")
'''


def next_release(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations of a release that comes after this one."""
    shutil.copytree(Path(migrate.__file__).parents[1] / "migrations", directory, ignore=shutil.ignore_patterns("*.pyc"))
    text = NEXT.format(newest=SCHEMA_VERSION, next=NEXT_VERSION)
    (directory / "versions" / f"{NEXT_VERSION}_next.py").write_text(text)
    monkeypatch.setattr(migrate, "_SCRIPTS", directory)


def settings_for(dsn: str, redis_url: str) -> Settings:
    return test_settings(ISSUER, dsn, redis_url, key_poll_interval="1s")


@WAITS
async def test_a_service_that_met_no_database_says_so_when_it_meets_an_old_one_and_recovers_by_itself(
    postgres_server: EmbeddedPostgres,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "SCHEMA_INTERVAL", stores.SCHEMA_INTERVAL / 10)
    name = f"late_{secrets.token_hex(4)}"
    settings = settings_for(postgres_server.dsn_of(name), redis_url)
    server = await start_app(create_token(settings), settings)

    async with administering(postgres_server) as administrator, ClientSession() as http:

        async def status() -> int:
            async with http.post(f"{server.url}/token", data={"client_id": "a", "grant_type": "b"}) as answer:
                return answer.status

        absent = await status()
        await administrator.execute(f"CREATE DATABASE {name}")
        await until(lambda: WHAT_TO_DO in caplog.text)
        await migrate.upgrade(settings.postgres_dsn.reveal())
        await rotate(settings)
        caplog.clear()
        await asyncio.sleep(1.5)
        said_later, recovered = caplog.text, await status()
        await server.close()
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")

    assert absent == 503
    assert WHAT_TO_DO not in said_later
    assert recovered == 401


@pytest.mark.requirement("operations: two versions always overlap, and the schema expands first")
async def test_services_go_on_while_the_schema_expands_under_them_and_new_ones_start_on_it(
    postgres_dsn: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release(tmp_path / "migrations", monkeypatch)
    with System(postgres_dsn, redis_url, replicas=2) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))
        done, flows = asyncio.Event(), [0, 0]
        flowing = [asyncio.create_task(flow_until(done, fleet, replica, flows)) for replica in range(2)]
        await until(lambda: min(flows) > 0)

        (applied,) = await migrate.upgrade(postgres_dsn)

        before = flows[:]
        # One that was under way, and a whole one.
        await until(lambda: all(now > then + 1 for now, then in zip(flows, before, strict=True)))
        done.set()
        await asyncio.gather(*flowing)
        assert applied.revision == NEXT_VERSION
    with System(postgres_dsn, redis_url) as system:
        await require_whole_flow(Fleet(system, fleet.resource_servers))


@pytest.mark.requirement("operations: two versions always overlap, and the schema expands first")
async def test_a_migration_that_has_to_wait_for_a_table_lets_requests_pass(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release(tmp_path / "migrations", monkeypatch)
    busy, other = [await asyncpg.connect(postgres_dsn) for _ in range(2)]

    async with busy.transaction():
        await busy.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        migration = asyncio.create_task(migrate.upgrade(postgres_dsn))
        for _ in range(15):
            await asyncio.sleep(0.1)
            await other.fetch("SELECT subject FROM users", timeout=0.9)
        assert not migration.done()

    assert [step.revision for step in await migration] == [NEXT_VERSION]
    for connection in (busy, other):
        await connection.close()


async def flow_until(done: asyncio.Event, fleet: Fleet, replica: int, flows: list[int]) -> None:
    """Do everything again and again, and count."""
    while not done.is_set():
        await require_whole_flow(fleet, replica)
        flows[replica] += 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is awaited is a line in a log, or what others do
            await asyncio.sleep(0.05)


@asynccontextmanager
async def administering(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(autouse=True)
def hear_errors(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
