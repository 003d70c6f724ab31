"""Something that speaks Redis' protocol and answers what a test tells it to."""

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

import hiredis

from support.eventually import eventually

Command = tuple[bytes, ...]
Script = Callable[[Command], bytes | None]


def bulk(value: bytes) -> bytes:
    """A string, as Redis writes it."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def echo(command: Command) -> bytes:
    """The key that was asked for."""
    return bulk(command[1])


class ScriptedRedis:
    """``script`` answers each command, PING apart, or leaves it unanswered with None.

    ``reads`` is how many commands came in one go.
    """

    def __init__(self, script: Script = echo, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self._tls = tls
        self.commands: list[Command] = []
        self.reads: list[int] = []
        self.pings = 0
        self.writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"redis{'s' if self._tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def heard(self, number: int) -> None:
        """Return once it was asked so many commands."""

        async def is_heard() -> bool:
            return len(self.commands) >= number

        await eventually(is_heard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.writers.append(writer)
        parser = hiredis.Reader()
        while data := await reader.read(65536):
            parser.feed(data)
            commands = []
            while (command := parser.gets()) is not False:
                if tuple(command) == (b"PING",):
                    self.pings += 1
                    writer.write(b"+PONG\r\n")
                else:
                    commands.append(tuple(command))
            self.reads.append(len(commands))
            self.commands += commands
            for answer in map(self.script, commands):
                if answer is not None:
                    writer.write(answer)
        writer.close()
