"""Whatever is asked, and however badly: the answer names its trace, and so does what people and clients read."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from support.browser import FORM, Answer, Browser
from support.system import System
from valetkey.core.routes import ROUTES

TRACE_ID = re.compile("[0-9a-f]{32}")
TOO_LARGE = b"a=" + b"x" * 70_000
SERVICES = sorted({route.service for route in ROUTES})
EVERY_ROUTE = [(route.service, route.path.format(name="nothing.css")) for route in ROUTES]


async def ask(system: System, service: str, method: str, path: str, **more: object) -> Answer:
    async with Browser() as browser:
        return await browser.request(method, f"{system.urls[service][0]}{path}", **more)  # type: ignore[arg-type]


def require_trace_id(answer: Answer) -> None:
    (trace_id,) = answer.headers.getall("X-Trace-Id")
    assert TRACE_ID.fullmatch(trace_id)
    # A protected resource answers without a body where no token was sent. RFC 6750 §3.1.
    if answer.status >= 400 and answer.body:
        assert trace_id in answer.text, answer.text


@pytest.mark.parametrize(("service", "path"), EVERY_ROUTE, ids=[path for _, path in EVERY_ROUTE])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "OPTIONS", "PROPFIND"])
async def test_every_route_names_its_trace_whatever_the_method(
    system: System, service: str, path: str, method: str
) -> None:
    answer = await ask(system, service, method, path)

    require_trace_id(answer)
    assert answer.status < 500


@pytest.mark.parametrize(("service", "path"), EVERY_ROUTE, ids=[path for _, path in EVERY_ROUTE])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [(FORM, TOO_LARGE), (FORM, b"a=%"), ("application/json", b"{}"), (FORM, b"a=1&a=2")],
    ids=["too-large", "malformed", "not-a-form", "repeated"],
)
async def test_a_body_that_is_refused_names_its_trace(
    system: System, service: str, path: str, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type, "Origin": system.origin}

    answer = await ask(system, service, "POST", path, headers=headers, body=body)

    require_trace_id(answer)
    assert 400 <= answer.status < 500 or answer.status == 303


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/nothing", "/%2e%2e/%2e%2e", "/token/", "//", "/nowhere/at/all?code=1"])
async def test_an_unknown_address_names_its_trace(system: System, service: str, path: str) -> None:
    answer = await ask(system, service, "GET", path)

    require_trace_id(answer)
    assert answer.status == 404


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"not http at all\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
    ],
    ids=["header", "no-http", "long-line", "length"],
)
async def test_what_is_not_http_gets_a_trace_id_all_the_same(system: System, service: str, bytes_sent: bytes) -> None:
    parts = urlsplit(system.urls[service][0])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(bytes_sent)

    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    await writer.wait_closed()

    head, _, body = answer.partition("\r\n\r\n")
    (trace_id,) = re.findall(r"^X-Trace-Id: ([0-9a-f]{32})\r?$", head, re.MULTILINE)
    assert re.match("HTTP/1.[01] 4", head)
    assert f'"reference":"{trace_id}"' in body.replace('": "', '":"')
