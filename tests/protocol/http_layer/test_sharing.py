"""How workers of one service come to share its port."""

import asyncio
import socket
import sys

import pytest
from aiohttp import ClientSession

from support.http_layer import SETTINGS
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.listener import bind, claim, url_of
from valetkey.runtime.http.server import start_app
from valetkey.runtime.workers.place import Place
from valetkey.runtime.workers.service import state_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there are no workers")

REUSE = (socket.SOL_SOCKET, socket.SO_REUSEPORT)


def place_at(port: socket.socket, *, joins_when_able: bool) -> Place:
    return Place(0, port.getsockname()[1], channel=-1, lock=-1, joins_when_able=joins_when_able)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_claim_lets_those_in_who_share_and_nobody_else(host: str) -> None:
    with claim(host, 0) as held:
        address = held.getsockname()[:2]
        with bind(*address, shared=True) as one, bind(*address, shared=True) as other:
            one.listen()
            other.listen()
            with pytest.raises(OSError, match="in use"):
                bind(*address)
            with pytest.raises(OSError, match="in use"):
                claim(*address)

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


def test_a_claim_is_refused_where_somebody_listens_even_if_he_shares() -> None:
    with bind("127.0.0.1", 0, shared=True) as first:
        first.listen()

        with pytest.raises(OSError, match="in use"):
            claim(*first.getsockname())


def test_a_port_of_one_process_is_not_shared() -> None:
    with bind("127.0.0.1", 0) as port:
        assert port.getsockopt(*REUSE) == 0


async def test_a_worker_that_replaces_another_joins_once_nothing_is_missing() -> None:
    app = create_app(SETTINGS)
    missing = ["no keys yet"]
    app[HEALTH].waiting.add(lambda: missing[0])
    with claim(SETTINGS.host, 0) as held:
        starting = asyncio.create_task(start_app(app, SETTINGS, place=place_at(held, joins_when_able=True)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(starting), 0.3)
        state = state_of(app[HEALTH])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*held.getsockname())

        missing[0] = ""
        server = await starting

        assert state == "starting: no keys yet"
        assert (server.url, server.management_url) == (url_of(held), "")
        assert state_of(app[HEALTH]) == "ready"
        await server.close()


async def test_a_worker_of_the_first_hour_answers_that_it_waits() -> None:
    app = create_app(SETTINGS)
    app[HEALTH].waiting.add(lambda: "no keys yet")
    with claim(SETTINGS.host, 0) as held:
        server = await start_app(app, SETTINGS, place=place_at(held, joins_when_able=False))

        async with ClientSession() as session, session.get(server.url) as answer:
            status = answer.status

        assert status == 503
        await server.close()
