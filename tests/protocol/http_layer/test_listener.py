"""How a port is given up while clients go on knocking at it."""

import asyncio
import socket
import sys
from collections import Counter

import pytest
from aiohttp import web

from support.http_layer import SETTINGS
from valetkey.runtime.http.app import create_app
from valetkey.runtime.http.listener import SETTLING_SECONDS, bind
from valetkey.runtime.http.server import RunningServer, start_app

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the filter is one of Linux")

REQUEST = b"POST /outcome HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


async def serve() -> RunningServer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="done")

    return await start_app(create_app(SETTINGS, routes=[web.post("/outcome", answer)]), SETTINGS)


def address_of(server: RunningServer) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


async def knock(host: str, port: int) -> str:
    """What becomes of one request on a connection of its own."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return "refused"
    try:
        writer.write(REQUEST)
        return "answered" if (await reader.read()).startswith(b"HTTP/1.1 200") else "lost"
    except ConnectionError:
        return "lost"
    finally:
        writer.close()


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_connections_before_the_port_closes_are_answered_and_later_ones_refused() -> None:
    server = await serve()
    address = address_of(server)
    fates: Counter[str] = Counter()

    async def go_on_knocking() -> None:
        fate = ""
        while fate != "refused":
            fate = await knock(*address)
            fates[fate] += 1

    clients = [asyncio.create_task(go_on_knocking()) for _ in range(30)]
    while fates["answered"] <= 30:  # noqa: ASYNC110 - clients count, they do not report
        await asyncio.sleep(0.01)
    await server.stop_accepting()
    await server.close()
    await asyncio.gather(*clients)

    assert fates["answered"] > 30
    assert fates["refused"] == 30
    assert fates["lost"] == 0


async def test_a_connection_that_was_there_still_sends_its_request_when_newcomers_are_kept_out() -> None:
    server = await serve()
    reader, writer = await asyncio.open_connection(*address_of(server))
    closing = asyncio.create_task(server.stop_accepting())
    await asyncio.sleep(SETTLING_SECONDS / 5)

    writer.write(REQUEST)
    answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200")
    writer.close()
    await closing
    await server.close()


async def test_no_connection_is_accepted_after_stop_accepting() -> None:
    server = await serve()
    await server.stop_accepting()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(*address_of(server)), 0.5)

    await server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_that_is_bound_refuses_until_it_is_served(host: str) -> None:
    with bind(host, 0) as port:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*port.getsockname()[:2])
        assert port.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0


def test_a_port_that_is_taken_is_an_error() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()

        with pytest.raises(OSError, match="in use"):
            bind(*first.getsockname())
