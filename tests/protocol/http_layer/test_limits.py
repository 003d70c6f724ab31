import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from support.http_layer import CANARY, HALF_A_FORM, post, raw
from valetkey.runtime.http.server import RunningServer


@pytest.mark.requirement("security 47: bodies, headers and URL are bounded")
async def test_a_body_over_the_limit_is_refused(server: RunningServer, http: ClientSession) -> None:
    response = await post(http, server, outcome="x" * 70_000)

    assert (response.status, (await response.json())["error"]) == (413, "invalid_request")


@pytest.mark.requirement("security 47: bodies, headers and URL are bounded")
async def test_a_chunked_body_over_the_limit_is_refused(server: RunningServer, http: ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1000

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with http.post(f"{server.url}/token", data=chunks(), headers=headers) as response:
        assert response.status == 413


@pytest.mark.requirement("security 47: Content-Encoding on requests is refused")
async def test_a_compressed_body_is_refused_without_being_unpacked(server: RunningServer, http: ClientSession) -> None:
    async with http.post(f"{server.url}/token", data={"a": "1" * 1_000_000}, compress="gzip") as response:
        assert response.status == 400


@pytest.mark.requirement("security 47: bodies, headers and URL are bounded")
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 9000 + CANARY.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + CANARY.encode() * 600 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(100)) + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        CANARY.encode() + b"\r\n\r\n",
    ],
    ids=lambda data: data[:12].decode("latin-1"),
)
async def test_what_is_not_http_as_we_accept_it_gets_a_bare_400_and_leaves_no_trace_of_its_bytes(
    server: RunningServer, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = await raw(server, request_bytes)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0].split(b" ")[1] == b"400"
    assert json.loads(body)["error"] == "invalid_request"
    assert CANARY not in answer.decode() + caplog.text


@pytest.mark.requirement("security 47: slow clients are timed out")
async def test_a_body_that_dribbles_is_cut_off(server: RunningServer) -> None:
    answer = await raw(server, HALF_A_FORM)

    assert b" 400 " in answer.splitlines()[0]


@pytest.mark.requirement("security 47: slow clients are timed out")
@pytest.mark.parametrize("data", [b"", b"GET /echo/x HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_connection_that_sends_no_whole_request_is_closed(server: RunningServer, data: bytes) -> None:
    started = asyncio.get_running_loop().time()

    answer = await raw(server, data, more=data and b"1", pause=0.3)

    assert answer == b""
    assert asyncio.get_running_loop().time() - started < 3


@pytest.mark.requirement("security 53: a client that hangs up disturbs no other client")
async def test_a_client_that_hangs_up_while_sending_leaves_no_error_behind(
    server: RunningServer, http: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(HALF_A_FORM)
    await asyncio.sleep(0.05)

    writer.transport.abort()

    await asyncio.sleep(0.05)
    assert (await post(http, server)).status == 200
    # Spans of tests before this one leave by a thread of their own, and say so where their collector has gone.
    said = [record for record in caplog.records if not record.name.startswith("opentelemetry.")]
    assert [record for record in said if record.levelno >= logging.WARNING] == []
