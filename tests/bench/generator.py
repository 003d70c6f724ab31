"""Drives a service over keep-alive connections, one request at a time on each, and measures what it costs."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import psutil

from bench.conversation import Conversation, UnexpectedAnswerError

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS = slice(9, 12)
_END_OF_HEAD = b"\r\n\r\n"
_DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """``units`` of work in ``seconds``; ``cpu_seconds`` of the service; ``latencies`` in seconds, ascending.

    ``generator_load`` is the share of its core that the generator used: near 1, it is the generator that was measured.
    """

    units: int
    seconds: float
    cpu_seconds: float
    generator_load: float
    latencies: Sequence[float] = field(repr=False)

    @property
    def per_second(self) -> float:
        """Units per second."""
        return self.units / self.seconds

    @property
    def per_core(self) -> float:
        """Units per second of the service's CPU time."""
        return self.units / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def cpu_microseconds(self) -> float:
        """CPU time of the service per unit."""
        return 1e6 * self.cpu_seconds / self.units if self.units else 0.0

    def percentile(self, share: float) -> float:
        """Latency in milliseconds that this share of the units does not exceed."""
        if not self.latencies:
            return 0.0
        return 1e3 * self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


class _Run:
    """What the connections of one measurement share."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.is_measuring = False
        self.is_over = False
        self.failure: Exception | None = None
        self.open = 0
        self.failed = asyncio.Event()
        self.drained = asyncio.Event()

    def fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        self.failed.set()


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run, conversation: Conversation) -> None:
        self._run = run
        self._conversation = conversation
        self._buffer = bytearray()
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._run.open += 1
        self._begun = time.perf_counter()
        self._transport.write(self._conversation.request())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        found = _LENGTH.search(self._buffer, 0, end + 2)
        length = int(found[1]) if found else 0
        start = end + len(_END_OF_HEAD)
        if len(self._buffer) < start + length:
            return
        head, body = bytes(self._buffer[:end]), bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        self._answered(int(head[_STATUS]), head, body)

    def _answered(self, status: int, head: bytes, body: bytes) -> None:
        run = self._run
        try:
            is_complete = self._conversation.answered(status, head, body)
            now = time.perf_counter()
            if is_complete:
                if run.is_measuring:
                    run.latencies.append(now - self._begun)
                self._begun = now
            if run.is_over:
                self._transport.close()
            else:
                self._transport.write(self._conversation.request())
        except (UnexpectedAnswerError, IndexError) as error:
            run.fail(error)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        run = self._run
        if not run.is_over:
            run.fail(exc or ConnectionError("the service closed the connection"))
        run.open -= 1
        if run.open == 0:
            run.drained.set()


async def measure(
    url: str,
    conversations: Callable[[int], Conversation],
    process: psutil.Process,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 0.5,
) -> Measurement:
    """Talk to ``url`` over so many connections. Raises what went wrong with the first of them."""
    loop, parts, run = asyncio.get_running_loop(), urlsplit(url), _Run()
    made = [_Connection(run, conversations(number)) for number in range(connections)]
    for connection in made:
        await loop.create_connection(partial(_itself, connection), str(parts.hostname), parts.port or 0)
    await asyncio.sleep(warm_up)
    own, before, began = time.process_time(), _cpu(process), time.perf_counter()
    run.is_measuring = True
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await run.failed.wait()
    run.is_measuring = False
    elapsed = time.perf_counter() - began
    cpu_seconds, load = _cpu(process) - before, (time.process_time() - own) / elapsed
    run.is_over = True
    if run.failure is not None:
        raise run.failure
    async with asyncio.timeout(_DRAIN_SECONDS):
        await run.drained.wait()
    return Measurement(len(run.latencies), elapsed, cpu_seconds, load, sorted(run.latencies))


def _itself(connection: _Connection) -> _Connection:
    return connection


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
