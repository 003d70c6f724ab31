"""Requests that ask for another protocol: none is spoken, and each is served as if it had not asked."""

import pytest

from support.http_layer import CANARY, Dial, raw
from valetkey.runtime.http.server import RunningServer

FORM = b"outcome=refused"
NEXT = b"GET /echo/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# Longer than it takes the head to arrive alone, and a third of what the server waits for a body.
PAUSE = 0.1
pytestmark = pytest.mark.requirement("RFC 9110 §7.8: a server may ignore Upgrade, and then serves the request")


def post(protocol: str, *, framing: bytes = b"Content-Length: %d" % len(FORM)) -> bytes:
    """The head of a form, as Java's HttpClient sends it over cleartext."""
    return (
        b"POST /token HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n%b\r\n\r\n"
    ) % (protocol.encode(), framing)


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "H2C, websocket", "TLS/1.0"])
@pytest.mark.parametrize("first", [b"", FORM[:3], FORM], ids=["head", "head and a part", "whole"])
async def test_a_body_is_read_in_whichever_segment_it_comes(server: RunningServer, protocol: str, first: bytes) -> None:
    answer = await raw(server, post(protocol) + first, more=FORM[len(first) :], pause=PAUSE)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"invalid_grant"' in body
    assert b"\r\nConnection: close" in head
    assert b"\r\nUpgrade:" not in head


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
async def test_a_chunked_body_is_read_as_well(server: RunningServer, protocol: str) -> None:
    head = post(protocol, framing=b"Transfer-Encoding: chunked")

    answer = await raw(server, head, more=b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORM), FORM), pause=PAUSE)

    assert b'"error":"invalid_grant"' in answer


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("after", [NEXT, CANARY.encode() + b"\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
async def test_nothing_that_follows_is_answered_or_read_as_a_request(
    server: RunningServer, protocol: str, after: bytes
) -> None:
    answer = await raw(server, post(protocol), more=FORM + after, pause=PAUSE)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"error":"invalid_grant"' in answer
    assert CANARY.encode() not in answer


async def test_a_request_before_it_on_the_same_connection_keeps_its_answer(server: RunningServer, dial: Dial) -> None:
    connection = await dial(server)
    connection.send(b"GET /echo/first HTTP/1.1\r\nHost: x\r\n\r\n" + post("h2c"))

    assert await connection.status() == 200
    connection.send(FORM)
    assert await connection.status() == 400
    assert await connection.ended()


async def test_a_body_that_does_not_come_is_not_waited_for_any_longer_than_another(server: RunningServer) -> None:
    answer = await raw(server, post("h2c"))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"invalid_request"' in answer
