import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession

from support.http_layer import ROUTES, SETTINGS, Dial, Start
from support.raw_connection import RawConnection
from valetkey.runtime.http.app import create_app
from valetkey.runtime.http.errors import FailureRenderer, render_json
from valetkey.runtime.http.server import RunningServer, start_app
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start(
            settings: Settings = SETTINGS,
            *,
            tracing: Tracing | None = None,
            render: FailureRenderer = render_json,
            cross_origin: Mapping[str, Sequence[str]] | None = None,
        ) -> RunningServer:
            app = create_app(settings, routes=ROUTES, tracing=tracing, render=render, cross_origin=cross_origin)
            server = await start_app(app, settings)
            stack.push_async_callback(server.close)
            return server

        yield start


@pytest.fixture
async def server(start: Start) -> RunningServer:
    return await start()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Opens connections that are closed with the test."""
    made: list[RawConnection] = []

    async def dial(server: RunningServer, local: str = "") -> RawConnection:
        connection = await RawConnection.open(server.url, local=local)
        made.append(connection)
        return connection

    yield dial
    for connection in made:
        connection.abort()
    # What is aborted is closed in the next turn.
    await asyncio.sleep(0)
