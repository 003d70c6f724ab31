"""A TCP connection on which a test says exactly what it likes, and reads as much, or as little."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of an answer, their names in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class RawConnection:
    """Opened with ``RawConnection.open``; nothing waits longer than 20 seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str, *, receive_buffer: int | None = None, local: str = "") -> Self:
        """Connect, from ``local``; with a small ``receive_buffer`` (bytes) a server soon sees that nothing is read."""
        parts = urlsplit(url)
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if local:
            made.bind((local, 0))
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (str(parts.hostname), parts.port or 80))
        return cls(*await asyncio.open_connection(sock=made))

    def send(self, data: bytes) -> None:
        """Send without waiting for it to be taken."""
        self._writer.write(data)

    async def push(self, data: bytes) -> bool:
        """Send, and wait until it is taken; False once the server has closed."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            return False
        return True

    def stop_reading(self) -> None:
        """Take nothing more from the kernel."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's transport reads too

    async def head(self) -> Head:
        """The next answer, whose body is read and forgotten. Raises ``EOFError`` and ``OSError``."""
        async with asyncio.timeout(SECONDS):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-1])}
            await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Head(int(lines[0].split(" ")[1]), headers)

    async def status(self) -> int | None:
        """The status of the next answer; None if the server has closed instead."""
        try:
            return (await self.head()).status
        except (EOFError, OSError):
            return None

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(SECONDS):
            return await self._reader.read()

    async def ended(self) -> bool:
        """Wait until the server has closed, whatever else it says before."""
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(OSError):
                while await self._reader.read(65536):
                    pass
        return True

    def finish(self) -> None:
        """Close this half of the connection: nothing more is sent."""
        self._writer.write_eof()

    def abort(self) -> None:
        """Hang up."""
        self._writer.transport.abort()
