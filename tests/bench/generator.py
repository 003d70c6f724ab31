"""Drives services over keep-alive connections, one request at a time on each, and measures what they cost."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from bench.exchange import Exchange, UnexpectedAnswerError
from bench.measurement import Measurement, Meter, percentiles

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS = slice(9, 12)
_END_OF_HEAD = b"\r\n\r\n"
_DRAIN_SECONDS = 10.0


class _Run:
    """What the conversations of one measurement share."""

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


class _Speaker:
    """Has one conversation, over a connection to each service that takes part in it."""

    def __init__(self, run: _Run, conversation: Exchange) -> None:
        self.run = run
        self._conversation = conversation
        self._connections: list[asyncio.WriteTransport] = []
        self._begun = 0.0

    async def connect(self, urls: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        for url in urls:
            parts = urlsplit(url)
            transport, _ = await loop.create_connection(
                lambda: _Connection(self), parts.hostname or "", parts.port or 0
            )
            self._connections.append(transport)

    def begin(self) -> None:
        self._begun = time.perf_counter()
        self._ask()

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        run = self.run
        try:
            is_complete = self._conversation.answered(status, head, body)
            now = time.perf_counter()
            if is_complete:
                if run.is_measuring:
                    run.latencies.append(now - self._begun)
                self._begun = now
            if run.is_over:
                self.close()
            else:
                self._ask()
        except UnexpectedAnswerError as error:
            run.fail(error)
            self.close()
        except StopIteration:
            run.fail(UnexpectedAnswerError("there was nothing left to ask for"))
            self.close()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _ask(self) -> None:
        request = self._conversation.request()
        self._connections[self._conversation.turn].write(request)


class _Connection(asyncio.Protocol):
    def __init__(self, speaker: _Speaker) -> None:
        self._speaker = speaker
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._speaker.run.open += 1

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
        self._speaker.answered(int(head[_STATUS]), head, body)

    def connection_lost(self, exc: Exception | None) -> None:
        run = self._speaker.run
        if not run.is_over:
            run.fail(exc or ConnectionError("the service closed the connection"))
        run.open -= 1
        if run.open == 0:
            run.drained.set()


async def measure(
    urls: Sequence[str],
    conversations: Callable[[int], Exchange],
    meter: Meter,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 0.5,
) -> Measurement:
    """Have so many conversations at a time. Raises what went wrong with the first of them."""
    run = _Run()
    speakers = [_Speaker(run, conversations(number)) for number in range(connections)]
    for speaker in speakers:
        await speaker.connect(urls)
    for speaker in speakers:
        speaker.begin()
    await asyncio.sleep(warm_up)
    own, (before, stores_before), began = time.process_time(), meter.read(), time.perf_counter()
    run.is_measuring = True
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await run.failed.wait()
    run.is_measuring = False
    elapsed = time.perf_counter() - began
    (after, stores_after), load = meter.read(), (time.process_time() - own) / elapsed
    run.is_over = True
    if run.failure is not None:
        raise run.failure
    async with asyncio.timeout(_DRAIN_SECONDS):
        await run.drained.wait()
    used, stores = after - before, stores_after - stores_before
    return Measurement(len(run.latencies), elapsed, used, load, *percentiles(run.latencies), stores)
