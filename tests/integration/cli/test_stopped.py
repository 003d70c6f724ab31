"""Programs that run once, told to end by SIGTERM: at once, with nothing left behind, wherever they are."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from support.eventually import eventually
from support.operator_cli import Operator, environment_of
from support.system import test_settings
from valetkey.cli.exit_code import ExitCode
from valetkey.runtime.lifecycle.termination import TERMINATED

PROMPT_SECONDS = 3.0
UNREACHABLE = "postgresql://u:p@127.0.0.1:1/x"
# That of the migration; see valetkey.storage.postgres.schema.migrate.
MIGRATION_LOCK = 8_517_213_904_113
JOB, CLI = "valetkey.key_rotation", "valetkey.cli"


@dataclass(frozen=True, slots=True)
class Ending:
    exit_code: int
    seconds: float
    said: str


@asynccontextmanager
async def running(environment: Mapping[str, str], *words: str) -> AsyncIterator[Process]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env={**inherited, **environment}, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def told_to_end(process: Process) -> Ending:
    started = monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Ending(process.returncode, monotonic() - started, (out + err).decode())


async def first_words(process: Process) -> str:
    """What it says first, and it says that it waits. The job's log is its standard output."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines = [asyncio.ensure_future(stream.readline()) for stream in (process.stdout, process.stderr)]
    done, others = await asyncio.wait(lines, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return b"".join(each.result() for each in done).decode()


async def begin_to_wait(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Until a process waits for a lock; a program that makes keys takes its time."""

    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
                "WHERE NOT granted AND datname = current_database()"
            )
        )

    await eventually(waits, 60)


async def others_there(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    )


@pytest.fixture
def newcomer(empty_postgres_dsn: str, redis_url: str) -> Operator:
    return Operator(environment_of(test_settings("https://id.example", empty_postgres_dsn, redis_url)))


@pytest.mark.parametrize(
    "words",
    [(CLI, "migrate", "up", "--wait", "300"), (CLI, "rotate-keys", "--wait", "300"), (JOB, "--wait", "300")],
    ids=["migrate", "rotate-keys", "job"],
)
async def test_who_waits_for_postgres_ends_at_once(newcomer: Operator, words: tuple[str, ...]) -> None:
    environment = newcomer.with_variables(postgres_dsn=UNREACHABLE).environment

    async with running(environment, *words) as process:
        before = await first_words(process)
        ending = await told_to_end(process)

    assert "waiting: PostgreSQL" in before
    assert (ending.exit_code, ending.seconds < PROMPT_SECONDS) == (TERMINATED, True), ending
    assert "stopped by SIGTERM" in ending.said
    assert "Traceback" not in ending.said


async def test_a_migration_that_is_stopped_leaves_the_schema_and_no_connection(
    newcomer: Operator, empty_postgres_dsn: str
) -> None:
    connection = await asyncpg.connect(empty_postgres_dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)

    async with running(newcomer.environment, CLI, "migrate", "up") as process:
        await begin_to_wait(connection)
        ending = await told_to_end(process)

    async def is_gone() -> bool:
        return await others_there(connection) == 0

    assert (ending.exit_code, ending.seconds < PROMPT_SECONDS) == (ExitCode.TERMINATED, True), ending
    assert "Traceback" not in ending.said
    await eventually(is_gone)
    assert await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    await connection.close()


@pytest.mark.parametrize("words", [(CLI, "rotate-keys"), (JOB,)], ids=["rotate-keys", "job"])
async def test_a_rotation_that_is_stopped_half_way_has_made_no_key(
    postgres_dsn: str, redis_url: str, words: tuple[str, ...]
) -> None:
    environment = environment_of(test_settings("https://id.example", postgres_dsn, redis_url))
    connection = await asyncpg.connect(postgres_dsn)
    holding = connection.transaction()
    await holding.start()
    # Keys are written by then, the set that says so is not.
    await connection.execute("LOCK TABLE published_jwk_set IN EXCLUSIVE MODE")

    async with running(environment, *words) as process:
        await begin_to_wait(connection)
        ending = await told_to_end(process)
    await holding.rollback()

    async def is_gone() -> bool:
        return await others_there(connection) == 0

    assert (ending.exit_code, ending.seconds < PROMPT_SECONDS) == (TERMINATED, True), ending
    assert "Traceback" not in ending.said
    await eventually(is_gone)
    assert await connection.fetchval("SELECT count(*) FROM signing_keys") == 0
    await connection.close()


async def test_who_waits_for_its_moment_ends_at_once(newcomer: Operator) -> None:
    async with running(newcomer.environment, JOB, "--jitter", "3600") as process:
        await eventually_handles_sigterm(process.pid)
        ending = await told_to_end(process)

    assert (ending.exit_code, ending.seconds < PROMPT_SECONDS) == (TERMINATED, True), ending


async def eventually_handles_sigterm(pid: int) -> None:
    """Until then the kernel would end it, which proves nothing."""
    status = Path("/proc") / str(pid) / "status"

    async def handles() -> bool:
        caught = next(line for line in status.read_text("ascii").splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)

    await eventually(handles, 60)
