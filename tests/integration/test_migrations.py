"""The schema: migrated by the first process, and required by every service that starts."""

import asyncio
import subprocess
import sys
import zipfile
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg
import pytest

from support.eventually import eventually
from support.repository import ROOT
from support.tcp_proxy import TcpProxy
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.errors import postgres_errors
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.schema.migrate import Migration, MigrationStatus, status, upgrade
from valetkey.storage.postgres.schema.version import SCHEMA_VERSION, SchemaMismatchError, require_schema

FIRST = Migration("0001", "First schema.")


async def test_a_new_database_is_brought_up_to_date(empty_postgres_dsn: str) -> None:
    before = await status(empty_postgres_dsn)

    applied = await upgrade(empty_postgres_dsn)

    after = await status(empty_postgres_dsn)
    assert before == MigrationStatus(None, SCHEMA_VERSION, applied)
    assert applied[0] == FIRST
    assert after == MigrationStatus(SCHEMA_VERSION, SCHEMA_VERSION, ())


async def test_what_is_up_to_date_stays_as_it_is(postgres_dsn: str) -> None:
    applied = await upgrade(postgres_dsn)

    assert applied == ()


async def test_asking_changes_nothing(empty_postgres_dsn: str) -> None:
    await status(empty_postgres_dsn)

    connection = await asyncpg.connect(empty_postgres_dsn)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == []


@pytest.mark.requirement("operations: migrations are safe to run twice at once")
async def test_two_tasks_at_once_apply_it_once(empty_postgres_dsn: str) -> None:
    applied = await asyncio.gather(*(upgrade(empty_postgres_dsn) for _ in range(4)))

    assert sorted(map(bool, applied)) == [False, False, False, True]


@pytest.mark.requirement("operations: migrations are safe to run twice at once")
async def test_two_processes_at_once_apply_it_once(empty_postgres_dsn: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from valetkey.storage.postgres.schema.migrate import upgrade\n"
        "print('ready', flush=True)\n"
        "dsn = sys.stdin.readline().strip()\n"
        "print(len(asyncio.run(upgrade(dsn))))\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=PIPE, stdout=PIPE) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"

    finished = await asyncio.gather(*(process.communicate(empty_postgres_dsn.encode()) for process in processes))

    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(int(output) > 0 for output, _ in finished) == [False, True]


async def test_a_migration_that_is_interrupted_leaves_nothing(empty_postgres_dsn: str) -> None:
    connection = await asyncpg.connect(empty_postgres_dsn)
    await connection.execute("CREATE TABLE signing_keys (kid text)")

    with pytest.raises(Exception, match="signing_keys"):
        await upgrade(empty_postgres_dsn)

    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert [row["tablename"] for row in tables] == ["signing_keys"]


async def test_the_code_asks_for_the_newest_schema(empty_postgres_dsn: str) -> None:
    head = (await status(empty_postgres_dsn)).head

    assert head == SCHEMA_VERSION


async def test_a_service_starts_with_its_schema(postgres_dsn: str) -> None:
    async with Database(postgres_dsn) as database:
        await require_schema(database)


async def test_a_service_starts_with_a_newer_schema(postgres_dsn: str) -> None:
    async with Database(postgres_dsn) as database:
        await database.execute(Statement("test", "UPDATE alembic_version SET version_num = '9999'"))

        await require_schema(database)


@pytest.mark.requirement("operations: an old schema is refused with the command that helps")
@pytest.mark.parametrize("version", ["0000", None])
async def test_a_service_does_not_start_with_an_older_schema(postgres_dsn: str, version: str | None) -> None:
    async with Database(postgres_dsn) as database:
        if version is None:
            await database.execute(Statement("test", "DELETE FROM alembic_version"))
        else:
            await database.execute(Statement("test", "UPDATE alembic_version SET version_num = $1"), version)

        with pytest.raises(SchemaMismatchError, match="valetkey migrate up"):
            await require_schema(database)


async def test_a_service_does_not_start_without_a_schema(empty_postgres_dsn: str) -> None:
    async with Database(empty_postgres_dsn) as database:
        with pytest.raises(SchemaMismatchError, match="valetkey migrate up"):
            await require_schema(database)


async def test_a_connection_that_breaks_under_a_migration_is_an_absent_postgresql(empty_postgres_dsn: str) -> None:
    # Any migration waits for the holder of the lock of migrations.
    holder = await asyncpg.connect(empty_postgres_dsn)
    await holder.execute("SELECT pg_advisory_lock(8517213904113)")

    async def is_waiting() -> bool:
        return bool(await holder.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    async with TcpProxy(empty_postgres_dsn) as proxy:
        upgrading = asyncio.create_task(upgrade(proxy.url))
        await eventually(is_waiting)
        proxy.cut()

        with pytest.raises(TemporarilyUnavailable), postgres_errors:
            await upgrading

    await holder.close()


async def test_an_absent_database_is_no_missing_schema(postgres_dsn: str) -> None:
    async with Database(postgres_dsn.rsplit("/", 1)[0] + "/absent") as database:
        with pytest.raises(TemporarilyUnavailable):
            await require_schema(database)


@pytest.mark.requirement("operations: services do not install what migrates")
def test_services_never_load_the_migrations() -> None:
    program = (
        "import sys, pkgutil, importlib, valetkey.storage as room\n"
        "for module in pkgutil.walk_packages(room.__path__, 'valetkey.storage.'):\n"
        "    if not {'migrate', 'migrations'} & set(module.name.split('.')):\n"
        "        importlib.import_module(module.name)\n"
        "sys.exit('alembic' in sys.modules or 'sqlalchemy' in sys.modules)\n"
    )

    finished = subprocess.run([sys.executable, "-c", program], check=False)

    assert finished.returncode == 0


def test_the_wheel_carries_the_migrations(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT / "services/storage",
        check=True,
        capture_output=True,
    )

    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()

    scripts = "valetkey/storage/postgres/migrations"
    assert f"{scripts}/env.py" in names
    assert f"{scripts}/versions/0001_first_schema.py" in names
