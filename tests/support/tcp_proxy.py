"""A network between a client and a server: it can be slow, and it can be cut."""

import asyncio
import random
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class TcpProxy:
    """Passes bytes on to a server. `delay` is the most seconds that an answer is late."""

    def __init__(self, url: str, *, delay: float = 0.0, seed: int = 0) -> None:
        self._target = urlsplit(url)
        self._delay = delay
        self._random = random.Random(seed)
        self._is_cut = False
        self._is_silent = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
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
        """Accept connections again."""
        self._is_cut = False

    def silence(self) -> None:
        """Pass on questions, but no answer any more."""
        self._is_silent = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, back}
        for passing in (self._pass_on(reader, back), self._pass_back(there, writer)):
            task = asyncio.create_task(passing)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        self._end(sink)

    async def _pass_back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if self._delay:
                    await asyncio.sleep(self._random.uniform(0, self._delay))
                if not self._is_silent:
                    sink.write(data)
                    await sink.drain()
        self._end(sink)

    def _end(self, sink: asyncio.StreamWriter) -> None:
        sink.close()
        self._writers.discard(sink)
