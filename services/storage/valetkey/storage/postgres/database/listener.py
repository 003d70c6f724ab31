"""The one connection that listens: it comes back by itself, and says when it may have missed something."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import asyncpg
from asyncpg import Record

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.tracing import detached_task
from valetkey.storage.postgres.database.errors import postgres_errors

Callback = Callable[[str | None], None]

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to connect
# A peer that vanished without a word is only found out by talking to it.
_PROBE_INTERVAL = 15.0
_PROBE = "SELECT 1"


class Listener:
    """Dispatches notifications to callbacks, from the first channel on until closed. ``timeout`` is in seconds."""

    def __init__(self, dsn: str, timeout: float, application_name: str) -> None:
        self._dsn = dsn
        self._timeout = timeout
        self._application_name = application_name
        self._callbacks: dict[str, list[Callback]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    def add(self, channel: str, callback: Callback) -> None:
        """Listen to one more channel. Needs a running event loop."""
        self._callbacks.setdefault(channel, []).append(callback)
        self._wake.set()
        if self._task is None:
            self._task = detached_task(self._run(), "postgres-listener")

    async def close(self) -> None:
        """Stop listening."""
        # Before Python 3.12 a driver that waits with a timeout may lose a cancellation.
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closing:
            try:
                with postgres_errors:
                    connection = await self._connect()
                pause = _FIRST_PAUSE
                try:
                    with postgres_errors:
                        await self._listen(connection)
                finally:
                    connection.terminate()
            except TemporarilyUnavailable as error:
                _log.warning("listening to PostgreSQL was interrupted: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connect(self) -> asyncpg.Connection[Record]:
        return await asyncpg.connect(
            self._dsn,
            timeout=self._timeout,
            command_timeout=self._timeout,
            server_settings={"application_name": f"{self._application_name} listener"},
        )

    async def _listen(self, connection: asyncpg.Connection[Record]) -> None:
        listening: set[str] = set()
        connection.add_termination_listener(lambda _: self._wake.set())
        while not connection.is_closed() and not self._is_closing:
            self._wake.clear()
            for channel in self._callbacks.keys() - listening:
                await connection.add_listener(channel, self._dispatch)
                listening.add(channel)
                self._call(channel, None)
            try:
                async with asyncio.timeout(_PROBE_INTERVAL):
                    await self._wake.wait()
            except TimeoutError:
                await connection.execute(_PROBE)
        if not self._is_closing:
            raise ConnectionError("the connection was closed")

    def _dispatch(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._call(channel, str(payload))

    def _call(self, channel: str, payload: str | None) -> None:
        for callback in self._callbacks[channel]:
            callback(payload)
