"""The port on which ``valetkey login`` waits, and who else comes to it."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from valetkey.cli.failure import Failure
from valetkey.cli.loopback_redirect import LoopbackRedirect, loopback_redirect

STATE = "Vv0w2o8xwpsRkPVGu6hQ"
RIGHT = {"code": "c0de", "state": STATE, "iss": "https://id.example"}
PATIENCE = timedelta(seconds=30)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def redirect(told: list[str]) -> AsyncIterator[LoopbackRedirect]:
    async with loopback_redirect("/callback", tell_stray=lambda: told.append("stray")) as waiting:
        waiting.expect(STATE)
        yield waiting


async def get(url: str, params: object = None, method: str = "GET") -> int:
    async with ClientSession() as session, session.request(method, url, params=params) as response:  # type: ignore[arg-type]
        await response.read()
        assert response.headers["Cache-Control"] == "no-store"
        return response.status


async def send(url: str, data: bytes) -> bytes:
    """Bytes to the port, and what it says until it hangs up."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in RIGHT.items() if key != name}


STRAYS: dict[str, Callable[[str], Awaitable[object]]] = {
    "another state": lambda url: get(url, RIGHT | {"state": "x"}),
    "the state with more": lambda url: get(url, RIGHT | {"state": f"{STATE}x"}),
    "the state in other letters": lambda url: get(url, RIGHT | {"state": STATE.swapcase()}),
    "a state that is no ASCII": lambda url: get(url, RIGHT | {"state": "é\u202e"}),
    "no state": lambda url: get(url, without("state")),
    "an empty state": lambda url: get(url, RIGHT | {"state": ""}),
    "the state alone": lambda url: get(url, {"state": STATE}),
    "an error with another state": lambda url: get(url, {"error": "access_denied", "state": "x"}),
    "an error without a state": lambda url: get(url, {"error": "access_denied"}),
    "two codes": lambda url: get(url, [*RIGHT.items(), ("code", "other")]),
    "two states": lambda url: get(url, [*RIGHT.items(), ("state", "other")]),
    "nothing": get,
    "another path": lambda url: get(url.replace("/callback", "/other"), RIGHT),
    "a path below": lambda url: get(f"{url}/", RIGHT),
    "an icon": lambda url: get(url.replace("/callback", "/favicon.ico")),
    "HEAD": lambda url: get(url, RIGHT, "HEAD"),
    "POST": lambda url: get(url, RIGHT, "POST"),
    "OPTIONS": lambda url: get(url, RIGHT, "OPTIONS"),
}
SILENT: dict[str, Callable[[str], Awaitable[object]]] = {
    "a scanner": lambda url: send(url, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "another protocol": lambda url: send(url, b"SSH-2.0-scan\x1b[2J\r\n\r\n"),
    "half a request": lambda url: send(url, b"GET /callback?code=x"),
    "nothing at all": lambda url: send(url, b""),
}


@pytest.mark.requirement("RFC 9700 §2.1: an answer that belongs to another request is refused")
@pytest.mark.parametrize("name", STRAYS)
async def test_what_is_not_the_answer_ends_nothing(redirect: LoopbackRedirect, told: list[str], name: str) -> None:
    waiting = asyncio.create_task(redirect.answer(PATIENCE))

    statuses = [await STRAYS[name](redirect.redirect_uri) for _ in range(2)]
    was_waiting = not waiting.done()
    accepted = await get(redirect.redirect_uri, RIGHT)

    assert statuses == [400, 400]
    assert was_waiting
    assert accepted == 200
    assert await waiting == RIGHT
    assert told == ["stray"]


@pytest.mark.parametrize("name", SILENT)
async def test_what_is_no_request_ends_nothing_and_is_not_told(
    redirect: LoopbackRedirect, told: list[str], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.create_task(redirect.answer(PATIENCE))

    with caplog.at_level(logging.INFO):
        await SILENT[name](redirect.redirect_uri)
    accepted = await get(redirect.redirect_uri, RIGHT)

    assert accepted == 200
    assert await waiting == RIGHT
    assert told == []
    assert not caplog.records


async def test_the_first_right_answer_counts_and_another_tab_gets_the_same_page(
    redirect: LoopbackRedirect, told: list[str]
) -> None:
    first = await get(redirect.redirect_uri, RIGHT)
    second = await get(redirect.redirect_uri, RIGHT | {"code": "other"})
    icon = await get(redirect.redirect_uri.replace("/callback", "/favicon.ico"))

    assert (first, second, icon) == (200, 200, 400)
    assert await redirect.answer(PATIENCE) == RIGHT
    assert told == []


async def test_an_error_of_this_login_is_its_answer(redirect: LoopbackRedirect) -> None:
    refused = {"error": "access_denied", "state": STATE, "iss": "https://id.example"}

    await get(redirect.redirect_uri, refused)

    assert await redirect.answer(PATIENCE) == refused


async def test_nothing_is_an_answer_before_one_is_asked_for() -> None:
    async with loopback_redirect("/callback") as redirect:
        assert await get(redirect.redirect_uri, RIGHT) == 400
        assert await get(redirect.redirect_uri, without("state")) == 400

        with pytest.raises(Failure, match="in time"):
            await redirect.answer(timedelta(milliseconds=50))


async def test_connections_that_say_nothing_hold_up_neither_the_answer_nor_the_end() -> None:
    loop = asyncio.get_running_loop()
    silent: list[socket.socket] = []
    async with loopback_redirect("/callback") as redirect:
        redirect.expect(STATE)
        port = urlsplit(redirect.redirect_uri).port
        for number in range(50):
            connection = socket.create_connection(("127.0.0.1", port or 0))
            if number % 2:
                connection.sendall(b"GET /callback?code=x HTTP/1.1\r\nHost: x\r\n")
            silent.append(connection)
        accepted = await get(redirect.redirect_uri, RIGHT)
        answer = await redirect.answer(PATIENCE)
        ended_at = loop.time()
    took = loop.time() - ended_at

    assert accepted == 200
    assert answer == RIGHT
    assert took < 20, "it ends within the second that connections have, not when they like"
    for connection in silent:
        connection.close()


async def test_a_port_that_is_taken_is_told() -> None:
    async with loopback_redirect("/callback") as redirect:
        port = urlsplit(redirect.redirect_uri).port or 0

        with pytest.raises(Failure, match="--port"):
            async with loopback_redirect("/callback", port):
                pass
