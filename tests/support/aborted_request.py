"""A client on a raw socket that may disconnect at any byte of its request or of the answer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from support.browser import FORM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_OF_AN_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class RawRequest:
    """One request of HTTP/1.1, as bytes."""

    url: str
    head: bytes
    body: bytes

    @property
    def data(self) -> bytes:
        """All of it."""
        return self.head + self.body


def raw_request(
    method: str, url: str, headers: Mapping[str, str] | None = None, form: Sequence[tuple[str, str]] | None = None
) -> RawRequest:
    """A request that asks for the connection to be closed after it."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    body = b"" if form is None else urlencode(form).encode()
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if form is not None:
        lines += [f"Content-Type: {FORM}", f"Content-Length: {len(body)}"]
    return RawRequest(url, "\r\n".join([*lines, "", ""]).encode(), body)


async def ask(request: RawRequest) -> tuple[int, bytes, bytes]:
    """Status, head and body of the answer."""
    reader, writer = await _connect(request.url)
    try:
        writer.write(request.data)
        head, _, body = (await reader.read(_MOST_OF_AN_ANSWER)).partition(b"\r\n\r\n")
        while more := await reader.read(_MOST_OF_AN_ANSWER):
            body += more
    finally:
        writer.close()
        await writer.wait_closed()
    return int(head.split(b" ", 2)[1]), head, body


async def ask_and_abort(request: RawRequest, chance: random.Random) -> bytes:
    """Whatever arrived before the line was cut: in the middle of the request, right after it, or in the answer."""
    reader, writer = await _connect(request.url)
    received = b""
    try:
        match chance.choice(["head", "body", "sent", "sent", "waiting", "waiting", "answer"]):
            case "head":
                writer.write(request.data[: chance.randrange(1, len(request.head))])
                await asyncio.sleep(chance.choice([0, 0.001]))
            case "body":
                writer.write(request.data[: len(request.head) + chance.randrange(max(len(request.body), 1))])
                await asyncio.sleep(chance.choice([0, 0.001, 0.003]))
            case "sent":
                writer.write(request.data)
            case "waiting":
                writer.write(request.data)
                await asyncio.sleep(chance.uniform(0, 0.008))
            case "answer":
                writer.write(request.data)
                received = await reader.read(chance.randrange(1, 400))
        await _flush(writer)
    finally:
        # Sometimes in good order, sometimes as if the machine had lost its power.
        if chance.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()
    return received


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _flush(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.drain()
    except ConnectionError:
        return
