"""The configuration of deploy/nginx, in front of a service."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.eventually import eventually
from support.http_layer import raw
from support.repository import ROOT
from valetkey.demo.free_port import free_port
from valetkey.runtime.http.server import RunningServer

FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
TEMPLATE = ROOT / "deploy/nginx/nginx.conf.template"


@pytest.fixture
async def nginx(server: RunningServer, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """nginx, whose every path leads to ``server``."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no nginx on this machine")
    address = f"127.0.0.1:{free_port()}"
    service = server.url.removeprefix("http://")
    values = {"LISTEN": address, "RESOLVER": "127.0.0.1", "ISSUER_PATH": ""}
    values |= dict.fromkeys(("AUTHORIZE", "TOKEN", "INTROSPECTION"), service)
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    file = tmp_path / "nginx.conf"
    # Its own files and logs, all of which are below /tmp or /dev.
    file.write_text(re.sub(r"(?<=\s)/(tmp|dev)/", f"{tmp_path}/", text), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(file), "-p", str(tmp_path), "-g", "daemon off;", stderr=asyncio.subprocess.DEVNULL
    )
    door = replace(server, url=f"http://{address}")

    async def listens() -> bool:
        assert process.returncode is None, "nginx has ended"
        try:
            await raw(door, b"GET /echo/x HTTP/1.0\r\n\r\n")
        except OSError:
            return False
        return True

    await eventually(listens)
    yield door
    process.terminate()
    await process.wait()


@pytest.mark.requirement("RFC 9112 §3.2: a request of HTTP/1.0 may have no Host")
@pytest.mark.requirement("RFC 9110 §7.8: a server may ignore Upgrade, and then serves the request")
@pytest.mark.requirement("security 48: Host never reaches the issuer, links or metadata")
@pytest.mark.parametrize(
    ("data", "more", "status"),
    [
        (b"GET /echo/x HTTP/1.0\r\n\r\n", b"", 200),
        (b"GET /echo/x HTTP/1.0\r\nHost: evil.example\r\n\r\n", b"", 200),
        (b"GET /echo/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", b"", 200),
        (b"GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n", b"", 400),
        (b"POST /token HTTP/1.0\r\n" + FORM + b"\r\n", b"a=b", 200),
        (b"POST /token HTTP/1.1\r\nHost: x\r\n" + H2C + FORM + b"\r\n", b"a=b", 200),
    ],
    ids=["1.0 without Host", "1.0", "1.1", "1.1 without Host", "a form by 1.0 without Host", "h2c"],
)
async def test_requests_of_old_and_of_upgrading_clients_arrive(
    nginx: RunningServer, data: bytes, more: bytes, status: int
) -> None:
    answer = await raw(nginx, data, more=more, pause=0.1)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"evil" not in answer
