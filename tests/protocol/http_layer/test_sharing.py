"""How processes of one service come to share its port."""

import asyncio
import socket
import sys
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from support.http_layer import SETTINGS
from valetkey.demo.free_port import free_port
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.listener import AddressTakenError, bind
from valetkey.runtime.http.server import start_app

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ports are shared on Linux only")

REUSE = (socket.SOL_SOCKET, socket.SO_REUSEPORT)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_those_that_share_listen_together_and_the_others_are_refused(host: str) -> None:
    with bind(host, 0, shared=True) as one, bind(*one.getsockname()[:2], shared=True) as other:
        one.listen()
        other.listen()

        with pytest.raises(OSError, match="in use"):
            bind(*one.getsockname()[:2])


def test_a_port_of_one_process_is_not_shared() -> None:
    with bind("127.0.0.1", 0) as port:
        assert port.getsockopt(*REUSE) == 0


async def test_a_process_joins_a_shared_port_once_nothing_is_missing() -> None:
    app, port = create_app(SETTINGS), free_port()
    missing = ["no keys yet"]
    app[HEALTH].waiting.add(lambda: missing[0])
    starting = asyncio.create_task(start_app(app, replace(SETTINGS, port=port, reuse_port=True)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(starting), 0.3)
    state = app[HEALTH].state
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)

    missing[0] = ""
    server = await starting

    assert state == "starting: no keys yet"
    assert server.url == f"http://127.0.0.1:{port}"
    assert app[HEALTH].state == "ready"
    await server.close()


async def test_a_process_that_has_its_port_alone_answers_that_it_waits() -> None:
    app = create_app(SETTINGS)
    app[HEALTH].waiting.add(lambda: "no keys yet")
    server = await start_app(app, SETTINGS)

    async with ClientSession() as session, session.get(server.url) as answer:
        status = answer.status

    assert status == 503
    await server.close()


async def test_a_process_whose_port_was_taken_while_it_waited_says_so() -> None:
    app, port = create_app(SETTINGS), free_port()
    missing = ["no keys yet"]
    app[HEALTH].waiting.add(lambda: missing[0])
    starting = asyncio.create_task(start_app(app, replace(SETTINGS, port=port, reuse_port=True)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(starting), 0.3)

    with bind("127.0.0.1", port) as other:
        other.listen()
        missing[0] = ""

        with pytest.raises(AddressTakenError, match="start every process of the service with --reuse-port"):
            await starting
