"""The demo's front door, which is the only proxy in front of its services."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO

import pytest
from aiohttp import ClientSession, web

from support.http_layer import CANARY, HALF_A_FORM, post, raw
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.runtime.http.aiohttp_inside.protocol import Runner
from valetkey.runtime.http.server import RunningServer


@pytest.fixture
async def door(server: RunningServer) -> AsyncIterator[RunningServer]:
    """A front door whose every path leads to ``server``."""
    upstreams = dict.fromkeys(("authorize", "token", "introspection"), server.url)
    runner = Runner(create_front_door(FrontDoor(upstreams, ""), body_timeout=0.3, idle_timeout=0.5))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    yield replace(server, url=f"http://{host}:{port}")
    await runner.cleanup()


async def test_answers_pass_as_the_service_gave_them(door: RunningServer, http: ClientSession) -> None:
    response = await post(http, door, outcome="refused")

    answer = await response.json()
    assert (response.status, answer["error"]) == (400, "invalid_grant")
    assert response.headers.getall("X-Trace-Id") == [answer["reference"]]
    assert len(response.headers.getall("Content-Security-Policy")) == 1


@pytest.mark.requirement("security 48: Host never reaches the issuer, links or metadata")
@pytest.mark.parametrize(
    ("target", "status"),
    [("http://evil.example/echo/x", 200), ("http://evil.example", 404), ("http://evil.example/echo/x?a=//b", 200)],
)
async def test_the_host_of_an_absolute_target_is_not_believed(door: RunningServer, target: str, status: int) -> None:
    answer = await raw(door, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"evil" not in answer


@pytest.mark.requirement("security 51: no secret is repeated in an answer or in logs")
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /token HTTP/1.1\nAuthorization: Basic " + CANARY.encode() + b"\n\n",
        b"POST /token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + CANARY.encode() + b"\x00\r\n\r\n",
        b"GET /echo/x?code=" + CANARY.encode() + b"\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["line feeds", "a header with NUL", "a query with NUL"],
)
async def test_what_is_no_http_is_refused_without_repeating_it(
    door: RunningServer, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = await raw(door, request_bytes)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0].split(b" ")[1] == b"400"
    assert b"X-Content-Type-Options: nosniff" in head
    assert json.loads(body)["error"] == "invalid_request"
    assert CANARY not in answer.decode() + caplog.text


@pytest.mark.requirement("security 47: bodies, headers and URL are bounded")
async def test_a_body_that_no_service_would_take_is_refused_here(door: RunningServer, http: ClientSession) -> None:
    async with http.post(f"{door.url}/token", data=BytesIO(b"a" * 1_100_000)) as response:
        answer = await response.json()

    assert (response.status, answer["error"], len(answer["reference"])) == (413, "invalid_request", 32)
    assert response.headers["Server"] == "Valetkey"


@pytest.mark.requirement("security 47: slow clients are timed out")
@pytest.mark.parametrize(
    ("data", "status"),
    [(HALF_A_FORM, b"HTTP/1.1 400 "), (b"GET /echo/x HTTP/1.1\r\nHost: x\r\nX-Slow: ", b""), (b"", b"")],
    ids=["half a body", "half the headers", "nothing"],
)
async def test_a_request_that_does_not_arrive_is_not_waited_for(
    door: RunningServer, data: bytes, status: bytes
) -> None:
    answer = await raw(door, data)

    assert answer[: len(status) or 1] == status
