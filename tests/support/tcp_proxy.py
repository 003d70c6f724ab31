"""A network between a client and a server: it can be slow, silent in either direction, tear answers, and be cut."""

import asyncio
import random
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class TcpProxy:
    """Passes bytes on to a server. `delay` is the most seconds that an answer is late."""

    def __init__(self, url: str, *, delay: float = 0.0, seed: int = 0) -> None:
        self.delay = delay
        self._target = urlsplit(url)
        self._random = random.Random(seed)
        self._is_cut = False
        self._questions_pass, self._answers_pass = asyncio.Event(), asyncio.Event()
        self._torn_share = 0.0
        self._tears_by_reset = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pass_both()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self._pass_both()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        credentials = self._target.netloc.rpartition("@")[0]
        return urlunsplit(self._target._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    def cut(self) -> None:
        """End every connection, and accept none."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def heal(self) -> None:
        """Be a good network again. What was held up arrives now, where the connection is still there."""
        self._is_cut = False
        self.delay = self._torn_share = 0.0
        self._pass_both()

    def silence(self) -> None:
        """Pass on questions, but no answer any more."""
        self._answers_pass.clear()

    def deafen(self) -> None:
        """Pass on no question any more; answers to what was asked before still arrive."""
        self._questions_pass.clear()

    def tear(self, share: float, *, reset: bool) -> None:
        """Break this share of answers in the middle: by a reset, or by an end in good order, as if that were all."""
        self._torn_share, self._tears_by_reset = share, reset

    def _pass_both(self) -> None:
        self._questions_pass.set()
        self._answers_pass.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        for passing in (self._pass_on(reader, back), self._pass_back(there, writer)):
            task = asyncio.create_task(passing)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._questions_pass.wait()
                sink.write(data)
                await sink.drain()
        self._end(sink)

    async def _pass_back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if self.delay:
                    await asyncio.sleep(self._random.uniform(0, self.delay))
                await self._answers_pass.wait()
                if self._random.random() < self._torn_share:
                    await self._tear(data, sink)
                    break
                sink.write(data)
                await sink.drain()
        self._end(sink)

    async def _tear(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        sink.write(data[: self._random.randrange(len(data))])
        await sink.drain()
        if self._tears_by_reset:
            # What is closed without lingering is reset.
            sink.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sink.transport.abort()

    def _end(self, sink: asyncio.StreamWriter) -> None:
        sink.close()
        self._writers.discard(sink)
