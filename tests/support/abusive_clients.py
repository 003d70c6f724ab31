"""Clients that cost more than they should: slow, endless, huge, deaf. Each ends once the server has had enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from support.raw_connection import RawConnection

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PIECE = b"x" * 4096
CHUNK = b"1000\r\n" + PIECE + b"\r\n"
PAUSE_SECONDS = 0.02
# A client that says nothing to the end has one of these as its answer.
Outcome = int | None


@dataclass(frozen=True, slots=True)
class Target:
    """One service: a GET that it answers, with its status, and a form that it reads."""

    url: str
    page: bytes
    page_status: int
    form_path: bytes

    def get(self, *headers: bytes, version: bytes = b"1.1") -> bytes:
        """The whole request for the page."""
        return b"GET %b HTTP/%b\r\nHost: x\r\n%b\r\n" % (self.page, version, b"".join(h + b"\r\n" for h in headers))

    def post(self, *headers: bytes) -> bytes:
        """The head of a form."""
        return b"POST %b HTTP/1.1\r\nHost: x\r\n%b%b\r\n" % (
            self.form_path,
            FORM,
            b"".join(h + b"\r\n" for h in headers),
        )


Behaviour = Callable[[RawConnection, Target], Awaitable[Outcome]]


async def _talk(connection: RawConnection, first: bytes, pieces: AsyncIterator[bytes]) -> Outcome:
    """Say it piece by piece until the server answers or closes; the status, if it answered, once it has closed."""
    connection.send(first)

    async def go_on() -> None:
        async for piece in pieces:
            if not await connection.push(piece):
                return

    talking = asyncio.create_task(go_on())
    try:
        status = await connection.status()
        await connection.ended()
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    return status


async def _slowly(data: bytes) -> AsyncIterator[bytes]:
    while True:
        for byte in data:
            yield bytes([byte])
            await asyncio.sleep(PAUSE_SECONDS)


async def _endlessly(data: bytes) -> AsyncIterator[bytes]:
    while True:
        yield data
        # A server that takes everything must not keep the event loop from other tasks.
        await asyncio.sleep(0)


async def says_nothing(connection: RawConnection, _target: Target) -> Outcome:
    """Connects."""
    return await connection.status()


async def sends_a_head_byte_by_byte(connection: RawConnection, target: Target) -> Outcome:
    """Slowloris."""
    return await _talk(connection, target.get()[:-2], _slowly(b"X-Slow: 1\r\n"))


async def sends_a_second_head_byte_by_byte(connection: RawConnection, target: Target) -> Outcome:
    """Slowloris, on a connection that has been served before."""
    connection.send(target.get())
    assert await connection.status() == target.page_status
    return await _talk(connection, target.get()[:-2], _slowly(b"X-Slow: 1\r\n"))


async def sends_headers_without_end(connection: RawConnection, target: Target) -> Outcome:
    """A header flood."""
    return await _talk(connection, target.get()[:-2], _endlessly(b"X: 1\r\n"))


async def sends_a_header_without_end(connection: RawConnection, target: Target) -> Outcome:
    """One header."""
    return await _talk(connection, target.get()[:-2] + b"X: ", _endlessly(PIECE))


async def sends_a_header_name_without_end(connection: RawConnection, target: Target) -> Outcome:
    """Not even a colon."""
    return await _talk(connection, target.get()[:-2], _endlessly(PIECE))


async def sends_a_cookie_without_end(connection: RawConnection, target: Target) -> Outcome:
    """One cookie."""
    return await _talk(connection, target.get()[:-2] + b"Cookie: vk_session=", _endlessly(PIECE))


async def sends_an_address_without_end(connection: RawConnection, _target: Target) -> Outcome:
    """One URL."""
    return await _talk(connection, b"GET /", _endlessly(PIECE))


async def sends_a_method_without_end(connection: RawConnection, _target: Target) -> Outcome:
    """Not even a space."""
    return await _talk(connection, b"", _endlessly(b"A" * 4096))


async def sends_a_body_byte_by_byte(connection: RawConnection, target: Target) -> Outcome:
    """A slow body."""
    return await _talk(connection, target.post(b"Content-Length: 50000"), _slowly(b"a"))


async def sends_chunks_byte_by_byte(connection: RawConnection, target: Target) -> Outcome:
    """A slow body of unknown length."""
    return await _talk(connection, target.post(b"Transfer-Encoding: chunked"), _slowly(b"1\r\na\r\n"))


async def sends_chunks_without_end(connection: RawConnection, target: Target) -> Outcome:
    """A body without end."""
    return await _talk(connection, target.post(b"Transfer-Encoding: chunked"), _endlessly(CHUNK))


async def sends_a_chunk_size_without_end(connection: RawConnection, target: Target) -> Outcome:
    """No body, and no end of its extension."""
    return await _talk(connection, target.post(b"Transfer-Encoding: chunked") + b"1;a=", _endlessly(PIECE))


async def sends_trailers_without_end(connection: RawConnection, target: Target) -> Outcome:
    """A small body, and no end of what comes after it."""
    return await _talk(
        connection, target.post(b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n", _endlessly(b"X: 1\r\n" * 100)
    )


async def announces_a_huge_body(connection: RawConnection, target: Target) -> Outcome:
    """Ten gigabytes, and begins to send them."""
    return await _talk(connection, target.post(b"Content-Length: 10000000000"), _endlessly(PIECE))


async def sends_a_body_where_none_is_read(connection: RawConnection, target: Target) -> Outcome:
    """A page, with a body without end."""
    return await _talk(connection, target.get(b"Transfer-Encoding: chunked"), _endlessly(CHUNK))


async def sends_a_body_to_nowhere(connection: RawConnection, _target: Target) -> Outcome:
    """An address that is none, with a body without end."""
    head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return await _talk(connection, head, _endlessly(CHUNK))


async def upgrades_and_goes_on(connection: RawConnection, target: Target) -> Outcome:
    """Asks for another protocol and speaks it."""
    upgrade = target.get(b"Connection: upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    return await _talk(connection, upgrade, _endlessly(PIECE))


async def is_idle(connection: RawConnection, target: Target) -> Outcome:
    """Keeps the connection after an answer."""
    connection.send(target.get())
    status = await connection.status()
    await connection.ended()
    return status


async def hangs_up_in_the_middle(connection: RawConnection, target: Target) -> Outcome:
    """Closes its half in a head."""
    connection.send(target.get()[:-2])
    connection.finish()
    await connection.ended()
    return None


async def asks_without_reading(connection: RawConnection, target: Target) -> Outcome:
    """Requests without end, and not one answer is read."""
    connection.stop_reading()
    async for requests in _endlessly(target.get() * 20):
        if not await connection.push(requests):
            break
    return None


async def asks_a_lot_and_reads_nothing(connection: RawConnection, target: Target) -> Outcome:
    """So many requests that their answers just do not fit, the last of them saying goodbye."""
    connection.stop_reading()
    for _ in range(100):
        if not await connection.push(target.get() * 20):
            return None
        await asyncio.sleep(0.001)
    await connection.push(target.get(b"Connection: close"))
    return None
