"""A service with several workers, as an operator starts it: its processes, its ports, its log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientConnectorError, ClientError, ClientSession, TCPConnector

from support.eventually import eventually

SECONDS = 60.0
Start = Callable[..., "SupervisedService"]


@dataclass(frozen=True, slots=True)
class SupervisedService:
    """Its supervisor runs. ``log`` is what all its processes write to standard error."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log so far. What is no JSON comes from a process that has not read its settings yet, or cannot."""
        whole = self.log.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message."""
        return [line for line in self.lines if line["message"] == message]

    @property
    def url(self) -> str:
        """The port that all workers share."""
        return str(self.said("supervising")[0]["url"])

    @property
    def management_url(self) -> str:
        """The one management port."""
        return str(self.said("supervising")[0]["management_url"])

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that the supervisor has now."""
        return psutil.Process(self.process.pid).children()

    async def get(self, path: str) -> tuple[int, str]:
        """What the management port answers: status and text."""
        async with ClientSession() as session, session.get(self.management_url + path) as response:
            return response.status, await response.text()

    async def is_ready(self) -> bool:
        """Whether it may be sent requests."""
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        if not self.said("supervising"):
            return False
        return (await self.get("/readyz"))[0] == 200

    async def until_ready(self) -> None:
        """Wait for it."""
        await eventually(self.is_ready, SECONDS)

    async def until_said(self, message: str, times: int = 1) -> None:
        """Wait for so many such lines."""

        async def is_so() -> bool:
            return len(self.said(message)) >= times

        await eventually(is_so, SECONDS)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; the exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.to_thread(partial(self.process.wait, SECONDS))


@contextmanager
def supervised(service: str, variables: dict[str, str], log: Path) -> Iterator[SupervisedService]:
    """Start one with these variables; whatever is left of it at the end is killed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", f"valetkey.{service}"],
            env={**inherited, **variables},
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    started = SupervisedService(process, log)
    try:
        yield started
    finally:
        left = started.workers if process.poll() is None else []
        process.kill()
        process.wait()
        for each in left:
            _kill(each)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@dataclass(slots=True)
class Outcomes:
    """How many requests were answered with 200, and what became of the others."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def knocking(*urls: str, clients: int = 4) -> AsyncIterator[Outcomes]:
    """So many clients ask again and again while the block runs, on a new connection each time.

    They do as a proxy does that opens a connection for each request: what could not be sent goes to the next URL.
    """
    outcomes, rest = Outcomes(), asyncio.Event()
    async with (
        ClientSession(connector=TCPConnector(force_close=True, limit=0)) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(clients):
            group.create_task(_knock(session, urls, outcomes, rest))
        try:
            yield outcomes
        finally:
            rest.set()


async def _knock(session: ClientSession, urls: tuple[str, ...], outcomes: Outcomes, rest: asyncio.Event) -> None:
    while not rest.is_set():
        fate = "nobody was there"
        for url in urls:
            try:
                async with session.get(url) as response:
                    await response.read()
                    fate = str(response.status)
                    break
            except ClientConnectorError:
                continue
            except (ClientError, OSError) as error:
                fate = repr(error)
                break
        if fate == "200":
            outcomes.answered += 1
        else:
            outcomes.failures.append(fate)
        await asyncio.sleep(0)
