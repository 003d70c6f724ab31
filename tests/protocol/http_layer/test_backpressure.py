"""A process that has its hands full says so, with 503 and when to come again, and goes on with what it has."""

import asyncio
import resource
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from support.eventually import eventually
from support.http_layer import HALF_A_FORM, SETTINGS, Dial, Start, post, raw
from valetkey.runtime.http.limits.connection_limit import MOST, RESERVED, connections_allowed
from valetkey.runtime.http.limits.in_flight import IN_FLIGHT
from valetkey.runtime.http.server import RunningServer

WHOLE = b"GET /userinfo HTTP/1.1\r\nHost: x\r\n\r\n"
pytestmark = pytest.mark.requirement("security 41, 47: load is shed with 503 and Retry-After")


async def in_progress(server: RunningServer, number: int) -> None:
    """Wait until so many requests are in progress, slow bodies included."""
    in_flight = server.app[IN_FLIGHT]

    async def are() -> bool:
        return in_flight.count + in_flight.arriving == number

    await eventually(are)


async def test_requests_beyond_the_limit_are_refused_at_once_and_the_others_answered(
    start: Start, http: ClientSession
) -> None:
    server = await start(replace(SETTINGS, connections_per_address=10, max_requests_in_flight=3))
    slow = [asyncio.create_task(post(http, server, outcome="slow")) for _ in range(3)]
    await in_progress(server, 3)

    shed = await post(http, server)
    answered = await asyncio.gather(*slow)
    afterwards = await post(http, server)

    assert (shed.status, (await shed.json())["error"]) == (503, "temporarily_unavailable")
    assert int(shed.headers["Retry-After"]) > 0
    assert [response.status for response in answered] == [200] * 3
    assert afterwards.status == 200
    assert server.app[IN_FLIGHT].count == 0


@pytest.mark.parametrize("outcome", ["refused", "bug", "away"])
async def test_a_request_that_fails_leaves_its_place(start: Start, http: ClientSession, outcome: str) -> None:
    server = await start(replace(SETTINGS, connections_per_address=10, max_requests_in_flight=1))

    for _ in range(3):
        await post(http, server, outcome=outcome)

    assert (await post(http, server)).status == 200
    assert server.app[IN_FLIGHT].count == 0


async def test_slow_bodies_take_no_place_of_whole_requests(start: Start, http: ClientSession, dial: Dial) -> None:
    server = await start(replace(SETTINGS, connections_per_address=10, max_requests_in_flight=2, body_timeout=5.0))
    slow = [await dial(server) for _ in range(2)]
    for connection in slow:
        connection.send(HALF_A_FORM)
    await in_progress(server, 2)

    whole = await post(http, server)
    one_too_many = await raw(server, HALF_A_FORM + b"b" * 48)

    assert whole.status == 200
    # Its body came whole, with its head.
    assert b" 200 " in one_too_many.splitlines()[0]


async def test_slow_bodies_are_bounded_too(start: Start, http: ClientSession, dial: Dial) -> None:
    server = await start(replace(SETTINGS, connections_per_address=10, max_requests_in_flight=2, body_timeout=5.0))
    slow = [await dial(server) for _ in range(3)]
    for connection in slow[:2]:
        connection.send(HALF_A_FORM)
    await in_progress(server, 2)

    slow[2].send(HALF_A_FORM)
    answer = await slow[2].head()
    whole = await post(http, server)
    slow[0].send(b"b" * 48)
    arrived = await slow[0].head()

    assert (answer.status, int(answer.headers["retry-after"])) == (503, 1)
    assert (whole.status, arrived.status) == (200, 200)


async def test_a_connection_too_many_is_told_so_and_closed(start: Start, dial: Dial) -> None:
    server = await start(replace(SETTINGS, max_connections=3, connections_per_address=3))
    first = [await dial(server) for _ in range(3)]
    for connection in first:
        connection.send(WHOLE)
        assert (await connection.head()).status == 401

    refused = await dial(server)
    answer = await refused.head()
    ended = await refused.ended()
    first[0].send(WHOLE)
    still_served = await first[0].head()

    assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
    assert ended
    assert still_served.status == 401


async def test_a_place_that_becomes_free_is_given_to_the_next(start: Start, dial: Dial) -> None:
    server = await start(replace(SETTINGS, max_connections=1, connections_per_address=1))
    first = await dial(server)
    first.send(WHOLE)
    assert (await first.head()).status == 401
    first.abort()

    async def is_let_in() -> bool:
        connection = await dial(server)
        connection.send(WHOLE)
        return await connection.status() == 401

    await eventually(is_let_in)


async def test_a_burst_of_connections_gets_no_further_than_one_after_the_other(start: Start, dial: Dial) -> None:
    server = await start(replace(SETTINGS, max_connections=5, connections_per_address=5, keepalive_timeout=30))
    connections = await asyncio.gather(*(dial(server) for _ in range(200)))
    for connection in connections:
        connection.send(WHOLE)

    statuses = [await connection.status() for connection in connections]

    # Who is refused while others are being refused may find the connection closed before anything was said.
    assert statuses.count(401) == 5
    assert set(statuses) <= {401, 503, None}


@pytest.mark.parametrize(
    ("files", "configured", "allowed"),
    [
        (1024, 0, 1024 - RESERVED),
        (128, 0, 64),
        (1_048_576, 0, MOST),
        (1_048_576, 20_000, 20_000),
        (1024, 20_000, 1024 - RESERVED),
        (1024, 10, 10),
        (resource.RLIM_INFINITY, 0, MOST),
        (resource.RLIM_INFINITY, 20_000, 20_000),
    ],
)
def test_file_descriptors_bound_the_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, configured: int, allowed: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))

    assert connections_allowed(configured) == allowed
