"""A small service on the HTTP layer that all services share."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import ClientResponse, ClientSession, web

from support.raw_connection import RawConnection
from valetkey.core.oauth.errors import InvalidClient, InvalidGrant, InvalidRequest, TemporarilyUnavailable
from valetkey.runtime.http.bearer import bearer_token
from valetkey.runtime.http.errors import FailureRenderer, bearer_failure, render_json
from valetkey.runtime.http.forms import read_form
from valetkey.runtime.http.responses import no_store_json
from valetkey.runtime.http.server import RunningServer
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing

CANARY = "c4n4ry5f2d9c0a1b"
HALF_A_FORM = (
    b"POST /token HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\na="
)
SETTINGS = Settings(
    issuer="https://id.example.com",
    port=0,
    management_port=0,
    body_timeout=0.3,
    keepalive_timeout=1,
    shutdown_grace=2.0,
)


class Start(Protocol):
    """Starts one more server with the routes of this file."""

    async def __call__(
        self,
        settings: Settings = SETTINGS,
        *,
        tracing: Tracing | None = None,
        render: FailureRenderer = render_json,
        cross_origin: Mapping[str, Sequence[str]] | None = None,
    ) -> RunningServer: ...


class Dial(Protocol):
    """Opens one more connection, from an address of this machine; closed with the test."""

    async def __call__(self, server: RunningServer, local: str = "") -> RawConnection: ...


async def token(request: web.Request) -> web.StreamResponse:
    params = await read_form(request)
    match params.get("outcome"):
        case "refused":
            raise InvalidGrant(CANARY)
        case "not authenticated":
            raise InvalidClient(CANARY)
        case "away":
            raise TemporarilyUnavailable(CANARY, retry_after=7)
        case "bug":
            raise RuntimeError(CANARY)
        case "slow":
            await asyncio.sleep(0.4)
    return no_store_json({"access_token": "x"})


async def userinfo(request: web.Request) -> web.StreamResponse:
    try:
        if bearer_token(request) is None:
            return bearer_failure(request)
    except InvalidRequest as error:
        return bearer_failure(request, error)
    return no_store_json({"sub": "ada"})


async def echo(request: web.Request) -> web.StreamResponse:
    return no_store_json({"name": request.match_info["name"]})


ROUTES = [web.post("/token", token), web.get("/userinfo", userinfo), web.get("/echo/{name}", echo)]


async def post(http: ClientSession, server: RunningServer, **form: str) -> ClientResponse:
    """Send a form to the token endpoint."""
    response = await http.post(f"{server.url}/token", data=form)
    await response.read()
    return response


async def raw(server: RunningServer, data: bytes, *, more: bytes = b"", pause: float = 0.0) -> bytes:
    """Send these bytes, then ``more``, and read until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    await asyncio.sleep(pause)
    writer.write(more)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()
