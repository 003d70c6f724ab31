"""One worker, as its supervisor sees it: a fresh interpreter that can be asked, told and waited for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.runtime.workers.channel import Asker
from valetkey.runtime.workers.place import Place

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from valetkey.runtime.settings.settings import Service

READY = "ready"
STARTING = "starting"
DRAINING = "draining"
SILENT = "does not answer"
ENDED = "has ended"
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Berth:
    """What all workers of a supervisor have in common: what they run, where they listen, who may write."""

    service: Service
    port: int
    lock: int


class Worker:
    """A process with a number that no other one has at the time."""

    def __init__(self, slot: int, process: Process, asker: Asker) -> None:
        self.slot = slot
        self._process = process
        self._asker = asker
        self._has_answered = False
        self._started = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, berth: Berth, slot: int, *, joins_when_able: bool) -> Worker:
        """Start one. Raises ``OSError`` where the system has no room for it."""
        ours, theirs = socket.socketpair()
        try:
            place = Place(slot, berth.port, theirs.fileno(), berth.lock, joins_when_able)
            # Without -P, a directory `valetkey` where it is started would be taken for ours. In a group of its own it
            # does not hear Ctrl-C, which is for the supervisor to pass on.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", f"valetkey.{berth.service}", *place.arguments()),
                pass_fds=(theirs.fileno(), berth.lock),
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(slot, process, await Asker.over(ours))

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def lived(self) -> float:
        """For how many seconds."""
        return asyncio.get_running_loop().time() - self._started

    async def state(self) -> str:
        """``READY``, ``STARTING`` and what it lacks, or other words for why it is neither."""
        answer = await self._asker.ask("state", ANSWER_SECONDS)
        if answer is None:
            if self._asker.is_over and await self._ends():
                return ENDED
            return SILENT if self._has_answered else STARTING
        self._has_answered = True
        return answer.decode()

    async def _ends(self) -> bool:
        """Whether it is over, or will be at once: its end of the channel closes a moment before its life does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._process.wait()
        return self._process.returncode is not None

    async def metrics(self) -> str:
        """Everything it counts, as OpenMetrics; empty where it does not answer."""
        return (await self._asker.ask("metrics", ANSWER_SECONDS) or b"").decode()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        return await self._process.wait()

    async def close(self) -> None:
        """Give back what was kept for it."""
        await self._asker.close()
