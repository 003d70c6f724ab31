"""Commands over one connection without waiting: each answer reaches its command, or no command gets one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from support.certificate import serve_tls
from support.scripted_redis import Command, ScriptedRedis, bulk, echo
from valetkey.runtime.settings.redis_address import parse_address
from valetkey.storage.redis.client import connection, multiplexer
from valetkey.storage.redis.client.connection import HealthCheckedPool, connect, connection_options
from valetkey.storage.redis.client.discovered_connection import DiscoveredConnection
from valetkey.storage.redis.client.pipelining import PipeliningRedis

TIMEOUT = timedelta(milliseconds=150)
KEYS = [f"key-{number}" for number in range(16)]
ON_EVERY_LOOP = pytest.mark.parametrize(
    "loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"]
)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedRedis]:
    async with ScriptedRedis() as server:
        yield server


@pytest.fixture
async def redis(server: ScriptedRedis) -> AsyncIterator[Redis]:
    client = connect(server.url, timeout=TIMEOUT)
    yield client
    await client.aclose()


async def test_what_is_asked_together_is_answered_apart(server: ScriptedRedis, redis: Redis) -> None:
    assert await ask(redis, *KEYS) == [key.encode() for key in KEYS]
    assert len(server.writers) == 1


def test_what_is_asked_in_one_turn_leaves_in_one_go() -> None:
    async def reads() -> list[int]:
        async with ScriptedRedis() as server:
            redis = connect(server.url, timeout=TIMEOUT)
            await redis.get("first")
            server.reads.clear()
            await ask(redis, *KEYS)
            await redis.aclose()
            return server.reads

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(reads()) == [len(KEYS)]


@ON_EVERY_LOOP
def test_the_same_over_tls_and_again_after_the_connection_is_lost(
    tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    authority = tmp_path / "ca.crt"
    tls = serve_tls(authority)

    async def ask_twice() -> list[object]:
        async with ScriptedRedis(tls=tls) as server:
            redis = connect(f"{server.url}?ssl_ca_certs={authority}", timeout=timedelta(seconds=5))
            first = await ask(redis, *KEYS)
            server.writers[0].transport.abort()
            await asyncio.sleep(0.05)
            second = await ask(redis, *KEYS)
            await redis.aclose()
            return first + second

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(ask_twice()) == [key.encode() for key in KEYS] * 2


async def test_one_that_failed_fails_alone(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda command: b"-ERR not this one\r\n" if command[1] == b"key-3" else echo(command)

    answers = await ask(redis, *KEYS)

    assert isinstance(answers.pop(3), exceptions.ResponseError)
    assert answers == [key.encode() for key in KEYS if key != "key-3"]
    assert len(server.writers) == 1


async def test_a_cancelled_caller_leaves_its_answer_to_no_other(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda _: None
    first, second = (asyncio.create_task(get(redis, key)) for key in ("first", "second"))
    await server.heard(2)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    server.writers[0].write(bulk(b"first") + bulk(b"second"))

    assert await second == b"second"


async def test_who_hangs_up_before_there_is_a_connection_asks_for_nothing(server: ScriptedRedis, redis: Redis) -> None:
    gone, stays = (asyncio.create_task(get(redis, key)) for key in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == b"stays"
    assert server.commands == [(b"GET", b"stays")]


async def test_a_late_answer_fails_the_commands_behind_it_and_no_later_one(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda command: echo(command) if command[1] == b"before" else None

    answers = await ask(redis, "before", "late", "after")
    assert answers[0] == b"before"
    assert [type(answer) for answer in answers[1:]] == [exceptions.TimeoutError] * 2
    # No command takes what arrives now for its own answer.
    server.writers[0].write(bulk(b"late"))
    server.script = echo

    assert await ask(redis, "next") == [b"next"]
    assert len(server.writers) == 2


async def test_each_command_has_its_own_time_while_others_are_answered(
    server: ScriptedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiplexer, "_LIFETIME", 60.0)
    server.script = lambda _: None
    waiting: list[asyncio.Task[object]] = []
    for key in KEYS[:4]:
        waiting.append(asyncio.create_task(get(redis, key)))
        await asyncio.sleep(TIMEOUT.total_seconds() * 0.7)
        server.writers[0].write(bulk(key.encode()))

    assert await asyncio.gather(*waiting) == [key.encode() for key in KEYS[:4]]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"?what\r\n", exceptions.InvalidResponse),
        (b"-LOADING dataset\r\n", exceptions.BusyLoadingError),
        (b"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nnobody asked\r\n", None),
    ],
    ids=["nonsense", "not ready", "one too many"],
)
async def test_a_connection_that_makes_no_sense_is_left(
    server: ScriptedRedis, redis: Redis, answer: bytes, error: type[Exception] | None
) -> None:
    asked: list[Command] = []

    def script(command: Command) -> bytes | None:
        asked.append(command)
        return answer if len(asked) == 3 else None

    server.script = script
    answers = await ask(redis, "a", "b", "c")
    assert [type(each) for each in answers] == [error] * 3 if error else answers == [b"a", b"b", b"c"]

    server.script = echo
    assert await ask(redis, *KEYS) == [key.encode() for key in KEYS]
    assert len(server.writers) == 2


async def test_a_connection_that_is_closed_fails_who_waits_on_it(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda _: None
    waiting = asyncio.create_task(ask(redis, *KEYS))
    await server.heard(len(KEYS))

    server.writers[0].close()

    assert [type(answer) for answer in await waiting] == [exceptions.ConnectionError] * len(KEYS)
    server.script = echo
    assert await ask(redis, "next") == [b"next"]


async def test_a_connection_that_was_reset_while_it_lay_idle_is_replaced(server: ScriptedRedis, redis: Redis) -> None:
    assert await ask(redis, "first") == [b"first"]
    server.writers[0].transport.abort()
    await asyncio.sleep(0.02)

    assert await ask(redis, "next") == [b"next"]


async def _lose_by_reset(_server: ScriptedRedis, proven: AbstractConnection) -> None:
    writer = proven._writer  # noqa: SLF001 - redis-py resets nothing
    assert writer is not None
    writer.transport.abort()
    await asyncio.sleep(0.02)


async def _lose_by_end(server: ScriptedRedis, _proven: AbstractConnection) -> None:
    server.writers[0].transport.abort()
    await asyncio.sleep(0.02)


async def _lose_by_disconnect(_server: ScriptedRedis, proven: AbstractConnection) -> None:
    await proven.disconnect()


@ON_EVERY_LOOP
@pytest.mark.parametrize("lose", [_lose_by_reset, _lose_by_end, _lose_by_disconnect])
def test_a_connection_that_is_lost_once_it_was_proven_fails_at_once_and_is_replaced(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    lose: Callable[[ScriptedRedis, AbstractConnection], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answers() -> list[object]:
        async with ScriptedRedis() as server:
            redis = connect(server.url, timeout=timedelta(seconds=20))
            get_connection = redis.connection_pool.get_connection

            async def get_lost_connection() -> AbstractConnection:
                monkeypatch.undo()
                proven: AbstractConnection = await get_connection()  # type: ignore[no-untyped-call]
                await lose(server, proven)
                return proven

            monkeypatch.setattr(redis.connection_pool, "get_connection", get_lost_connection)
            async with asyncio.timeout(15):
                lost = await ask(redis, *KEYS)
                found_again = await get(redis, "next")
            await redis.aclose()
            return [*map(type, lost), found_again]

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(answers()) == [exceptions.ConnectionError] * len(KEYS) + [b"next"]


async def test_only_a_connection_that_lay_idle_is_asked_whether_it_is_alive(
    server: ScriptedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_IDLE_BEFORE_PROOF", 0.1)
    redis = connect(server.url, timeout=TIMEOUT)
    await redis.get("key")
    at_first = server.pings

    for _ in range(10):
        await asyncio.sleep(0.02)
        await redis.get("key")
    while_busy = server.pings
    await asyncio.sleep(0.15)
    await redis.get("key")

    assert (while_busy - at_first, server.pings - while_busy) == (0, 1)
    await redis.aclose()


async def test_a_connection_is_looked_at_again_while_there_is_always_something_to_ask(
    server: ScriptedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiplexer, "_LIFETIME", 0.02)
    taken = 0
    get_connection = redis.connection_pool.get_connection

    async def count() -> object:
        nonlocal taken
        taken += 1
        return await get_connection()  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.connection_pool, "get_connection", count)

    async def ask_for(seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            assert await redis.get("key") == b"key"

    await asyncio.gather(*(ask_for(0.3) for _ in range(4)))

    assert taken >= 5


async def test_a_server_that_should_not_have_been_asked_is_not_asked_again(server: ScriptedRedis) -> None:
    async def locate() -> tuple[str, int]:
        address = parse_address(server.url)
        return address.nodes[0]

    options = connection_options(parse_address(server.url), TIMEOUT, 4)
    pool = HealthCheckedPool(**options, connection_class=DiscoveredConnection, locate=locate)
    redis = PipeliningRedis.from_pool(pool)
    server.script = lambda command: b"-READONLY replica\r\n" if command[1] == b"first" else echo(command)

    answers = await ask(redis, "first", "second")
    assert isinstance(answers[0], exceptions.ReadOnlyError)
    assert answers[1] == b"second"
    assert await ask(redis, "next") == [b"next"]
    assert len(server.writers) == 2
    await redis.aclose()


async def test_no_caller_waits_for_a_closed_client(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda _: None
    waiting = asyncio.create_task(get(redis, "key"))
    await server.heard(1)

    await redis.aclose()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_finds_every_connection_in_use_is_told_in_time(server: ScriptedRedis) -> None:
    redis = connect(server.url, timeout=TIMEOUT, max_connections=1)
    held = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]

    with pytest.raises(exceptions.ConnectionError, match="in use"):
        await redis.get("key")
    await redis.connection_pool.release(held)

    assert await redis.get("key") == b"key"
    await redis.aclose()


async def test_a_command_of_two_words_is_two_arguments(server: ScriptedRedis, redis: Redis) -> None:
    server.script = lambda _: b"+OK\r\n"

    await redis.execute_command("SCRIPT LOAD", "return 1")  # type: ignore[no-untyped-call]

    assert server.commands == [(b"SCRIPT", b"LOAD", b"return 1")]


async def ask(redis: Redis, *keys: str) -> list[object]:
    """What each of them gets, in one turn."""
    return await asyncio.gather(*(get(redis, key) for key in keys), return_exceptions=True)


async def get(redis: Redis, key: str) -> object:
    return await redis.get(key)
