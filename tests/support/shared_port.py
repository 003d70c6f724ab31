"""Processes of one service that share its port, as an operator starts them: each with a management port and a log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError, ClientSession

from support.eventually import eventually

SECONDS = 60.0
Start = Callable[..., "ServiceProcess"]


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """One process. ``log`` is what it writes to standard error."""

    process: subprocess.Popen[bytes]
    url: str
    management_url: str
    log: Path

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines of its log with this message."""
        whole = self.log.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == message]

    async def get(self, path: str) -> tuple[int, str]:
        """What its management port answers: status and text; status 0 while it does not listen."""
        try:
            async with ClientSession() as session, session.get(self.management_url + path) as response:
                return response.status, await response.text()
        except ClientConnectorError:
            return 0, ""

    async def until_ready(self) -> None:
        """Wait until it may be sent requests."""

        async def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            return (await self.get("/readyz"))[0] == 200

        await eventually(is_ready, SECONDS)

    async def until_said(self, message: str) -> None:
        """Wait for such a line in its log."""

        async def is_so() -> bool:
            return bool(self.said(message))

        await eventually(is_so, SECONDS)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; the exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.to_thread(partial(self.process.wait, SECONDS))


@contextmanager
def running(service: str, variables: dict[str, str], log: Path) -> Iterator[ServiceProcess]:
    """Start one with these variables, its ports among them; at the end it is killed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "valetkey.cli", "serve", {"compact": "all"}.get(service, service)],
            env={**inherited, **variables},
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    url, management_url = (f"http://127.0.0.1:{variables[f'VALETKEY_{each}']}" for each in ("PORT", "MANAGEMENT_PORT"))
    try:
        yield ServiceProcess(process, url, management_url, log)
    finally:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Outcomes:
    """How many requests were answered with 200, and what became of the others."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: str) -> None:
        """One more, with this status or error."""
        with self._lock:
            if outcome == "200":
                self.answered += 1
            else:
                self.failures.append(outcome)

    async def until_answered(self, more: int) -> None:
        """Wait for so many answers from now on."""
        goal = self.answered + more

        async def is_reached() -> bool:
            return self.answered >= goal

        await eventually(is_reached, SECONDS)


@asynccontextmanager
async def load(url: str, clients: int = 16) -> AsyncIterator[Outcomes]:
    """So many threads ask again and again while the block runs, each time on a new connection, and never retry.

    They are cheaper than what answers them, so that connections wait to be accepted at any moment.
    """
    outcomes, ended = Outcomes(), threading.Event()
    threads = [threading.Thread(target=_ask, args=(url, outcomes, ended), daemon=True) for _ in range(clients)]
    for each in threads:
        each.start()
    try:
        yield outcomes
    finally:
        ended.set()
        for each in threads:
            await asyncio.to_thread(each.join)


def _ask(url: str, outcomes: Outcomes, ended: threading.Event) -> None:
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
    while not ended.is_set():
        try:
            with socket.create_connection((str(parts.hostname), parts.port or 80), SECONDS) as connection:
                connection.sendall(request)
                answer = b"".join(iter(partial(connection.recv, 65536), b""))
        except OSError as error:
            outcomes.add(repr(error))
        else:
            outcomes.add(answer[9:12].decode())
