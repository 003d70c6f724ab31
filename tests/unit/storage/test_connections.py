"""Connections to PostgreSQL are lent one after the other: none is lost or lent twice, and no caller waits for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import asyncpg
import pytest

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.connections import Connections
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from valetkey.storage.postgres.database.connections import Connection

PATIENT = 30.0


class Wire:
    """What a pool sees of a connection.

    ``reset_error`` is what cleaning up raises; one that says no goodbye is never closed in good order.
    """

    def __init__(self) -> None:
        self.is_open = True
        self.transaction = False
        self.resets = 0
        self.reset_error: Exception | None = None
        self.says_goodbye = True

    def is_closed(self) -> bool:
        return not self.is_open

    def is_in_transaction(self) -> bool:
        return self.transaction

    async def reset(self, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's
        assert timeout > 0
        await asyncio.sleep(0)
        self.resets += 1
        if self.reset_error is not None:
            raise self.reset_error
        self.transaction = False

    async def close(self, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's
        assert timeout > 0
        if not self.says_goodbye:
            await asyncio.Event().wait()
        self.is_open = False

    def terminate(self) -> None:
        self.is_open = False


class Server:
    """Everything that was ever connected; ``refusals`` are what the next attempts meet instead."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.refusals: list[BaseException] = []

    async def connect(self) -> Connection:
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop(0)
        self.wires.append(Wire())
        return cast("Connection", self.wires[-1])

    def pool(self, most: int = 1, patience: float = PATIENT, idle_lifetime: float = PATIENT) -> Connections:
        return Connections(self.connect, most=most, timeout=patience, idle_lifetime=idle_lifetime)


@pytest.fixture
def server() -> Server:
    return Server()


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_one_that_came_back_is_lent_again(server: Server) -> None:
    pool = server.pool(most=2)
    first = await pool.take()
    pool.give_back(first)

    assert await pool.take() is first
    assert (pool.idle, pool.used, len(server.wires)) == (0, 1, 1)


async def test_callers_are_served_in_the_order_of_their_arrival(server: Server) -> None:
    pool = server.pool()
    held = await pool.take()
    line = [asyncio.create_task(pool.take()) for _ in range(3)]
    await turns()

    served = []
    for _ in line:
        pool.give_back(held)
        late = asyncio.create_task(pool.take())
        await turns()
        served.append([task.done() for task in line])
        late.cancel()
        await turns()

    assert served == [[True, False, False], [True, True, False], [True, True, True]]
    assert len(server.wires) == 1


async def test_who_waits_too_long_is_told_and_costs_the_others_nothing(server: Server) -> None:
    pool = server.pool(patience=0.02)
    held = await pool.take()

    with pytest.raises(TimeoutError):
        await pool.take()

    assert pool.waiting == 0
    pool.give_back(held)
    assert await pool.take() is held


@pytest.mark.requirement("security 55: dependencies away: 503 instead of a line without end")
async def test_the_line_has_an_end(server: Server) -> None:
    pool = server.pool()
    held = await pool.take()
    line = [asyncio.create_task(pool.take()) for _ in range(100)]
    await turns()

    with pytest.raises(TemporarilyUnavailable):
        await pool.take()

    for task in line:
        task.cancel()
    await asyncio.gather(*line, return_exceptions=True)
    pool.give_back(held)
    assert (pool.waiting, pool.idle) == (0, 1)


@pytest.mark.parametrize("is_served_first", [True, False], ids=["served, then cancelled", "cancelled, then served"])
async def test_who_hangs_up_in_the_moment_of_his_turn_leaves_it_to_the_next(
    server: Server, *, is_served_first: bool
) -> None:
    pool = server.pool()
    held = await pool.take()
    gone, next_one = (asyncio.create_task(pool.take()) for _ in range(2))
    await turns()

    steps: list[Callable[[], object]] = [lambda: pool.give_back(held), gone.cancel]
    for step in steps if is_served_first else reversed(steps):
        step()

    assert await next_one is held
    assert gone.cancelled()
    assert (pool.idle, pool.used) == (0, 1)


@pytest.mark.parametrize("is_served_first", [True, False], ids=["served, then cancelled", "cancelled, then served"])
async def test_the_right_to_make_one_is_left_to_the_next_as_well(server: Server, *, is_served_first: bool) -> None:
    pool = server.pool()
    held = await pool.take()
    gone, next_one = (asyncio.create_task(pool.take()) for _ in range(2))
    await turns()
    server.wires[0].is_open = False

    steps: list[Callable[[], object]] = [lambda: pool.give_back(held), gone.cancel]
    for step in steps if is_served_first else reversed(steps):
        step()

    assert await next_one is cast("Connection", server.wires[1])
    assert (pool.idle, pool.used) == (0, 1)


async def test_where_none_can_be_made_the_place_is_free_for_the_next(server: Server) -> None:
    pool = server.pool()
    server.refusals = [OSError("away"), asyncio.CancelledError()]

    with pytest.raises(OSError, match="away"):
        await pool.take()
    with pytest.raises(asyncio.CancelledError):
        await pool.take()

    assert pool.used == 0
    await pool.take()


async def test_one_that_was_closed_while_it_lay_idle_is_replaced(server: Server) -> None:
    pool = server.pool()
    pool.give_back(await pool.take())
    server.wires[0].is_open = False

    assert await pool.take() is cast("Connection", server.wires[1])
    assert (pool.idle, pool.used) == (0, 1)


@pytest.mark.requirement("security 53: a client that hangs up never leaves a connection answering another client")
@pytest.mark.parametrize(
    ("error", "is_in_transaction", "resets"),
    [
        (None, False, 0),
        (asyncpg.UniqueViolationError("twice"), False, 0),
        (asyncpg.UniqueViolationError("twice"), True, 1),
        (None, True, 1),
        (TimeoutError(), False, 1),
        (asyncio.CancelledError(), False, 1),
        (asyncpg.InterfaceError("busy"), False, 1),
    ],
    ids=str,
)
async def test_no_caller_gets_a_connection_with_something_under_way(
    server: Server, error: BaseException | None, *, is_in_transaction: bool, resets: int
) -> None:
    pool = server.pool()
    held = await pool.take()
    server.wires[0].transaction = is_in_transaction

    pool.give_back(held, error)
    assert (pool.idle, pool.used) == ((0, 1) if resets else (1, 0))

    assert await pool.take() is held
    assert (server.wires[0].resets, server.wires[0].transaction) == (resets, False)


@pytest.mark.parametrize("error", [TimeoutError(), asyncpg.InterfaceError("closed"), ConnectionResetError()], ids=repr)
async def test_one_that_cannot_be_cleared_up_is_closed_and_replaced(server: Server, error: Exception) -> None:
    pool = server.pool()
    held = await pool.take()
    server.wires[0].reset_error = error

    pool.give_back(held, TimeoutError())

    assert await pool.take() is cast("Connection", server.wires[1])
    assert not server.wires[0].is_open
    assert pool.used == 1


async def test_an_idle_connection_is_closed_and_the_others_stay(server: Server) -> None:
    pool = server.pool(most=2, idle_lifetime=0.2)
    busy, spare = await pool.take(), await pool.take()
    pool.give_back(spare)
    for _ in range(15):
        pool.give_back(busy)
        await asyncio.sleep(0.02)
        assert await pool.take() is busy

    assert [wire.is_open for wire in server.wires] == [True, False]
    pool.give_back(busy)
    await asyncio.sleep(0.3)
    assert (pool.idle, pool.used, server.wires[0].is_open) == (0, 0, False)


async def test_closing_waits_for_connections_in_use_and_refuses_waiting_callers(server: Server) -> None:
    pool = server.pool(most=2)
    held, spare = await pool.take(), await pool.take()
    waiting = asyncio.create_task(pool.take())
    await turns()
    waiting.cancel()
    await turns()
    pool.give_back(spare)

    closing = asyncio.create_task(pool.close())
    await turns()
    assert not closing.done()
    with pytest.raises(TemporarilyUnavailable):
        await pool.take()
    pool.give_back(held)
    await closing

    assert not any(wire.is_open for wire in server.wires)
    assert (pool.idle, pool.used) == (0, 0)


async def test_waiting_callers_are_refused_when_it_is_closed(server: Server) -> None:
    pool = server.pool()
    held = await pool.take()
    waiting = asyncio.create_task(pool.take())
    await turns()

    closing = asyncio.create_task(pool.close())
    with pytest.raises(TemporarilyUnavailable):
        await waiting
    pool.give_back(held)
    await closing


async def test_terminate_closes_connections_in_use_at_once(server: Server) -> None:
    pool = server.pool(most=3)
    held, idle, left = await pool.take(), await pool.take(), await pool.take()
    pool.give_back(idle)
    pool.give_back(left, TimeoutError())

    pool.terminate()
    await turns()

    assert not any(wire.is_open for wire in server.wires)
    pool.give_back(held)
    assert (pool.idle, pool.used) == (0, 0)


async def test_a_server_that_says_no_goodbye_is_left_all_the_same(server: Server) -> None:
    pool = server.pool()
    pool.give_back(await pool.take())
    server.wires[0].says_goodbye = False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.close()
    pool.terminate()

    assert not server.wires[0].is_open


async def test_a_database_that_was_never_opened_or_is_closed_already_has_nothing_to_close() -> None:
    database = Database("postgresql://127.0.0.1:9/absent", min_size=0)
    await database.close()

    await database.open()
    await database.close()
    await database.close()

    with pytest.raises(TemporarilyUnavailable):
        await database.fetch_row(Statement("test.one", "SELECT 1"))
