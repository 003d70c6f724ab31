"""Keeps so many workers running: replaces those that end, renews all of them one by one, ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.runtime.workers.backoff import Backoff
from valetkey.runtime.workers.ending import CONFIGURATION, describe
from valetkey.runtime.workers.post import Post
from valetkey.runtime.workers.silence import LOOK_SECONDS, Silence
from valetkey.runtime.workers.worker import READY, SILENT, Worker

if TYPE_CHECKING:
    from valetkey.runtime.workers.worker import Berth

_LOG = logging.getLogger("valetkey.supervisor")
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds. ``drain`` and ``grace`` are the settings of that kind; ``start`` is how long a new worker may take."""

    drain: float
    grace: float
    margin: float = 5.0
    start: float = 60.0


class Supervisor:
    """Touches no request. What it does is told by ``end``, ``hurry`` and ``renew``, which return at once."""

    def __init__(self, berth: Berth, count: int, patience: RetryPolicy) -> None:
        self._berth = berth
        self._patience = patience
        self._posts = [Post() for _ in range(count)]
        self._crew: set[Worker] = set()
        self._slots: set[int] = set()
        self._ending = asyncio.Event()
        self._exit_code = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Keep every post manned until the end; the exit code once the last worker is gone."""
        async with asyncio.TaskGroup() as group:
            for post in self._posts:
                group.create_task(self._keep(post))
            group.create_task(self._watch())
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        await asyncio.gather(*(self._see_off(worker) for worker in list(self._crew)))
        if self._deadline is not None:
            self._deadline.cancel()
        return self._exit_code

    @property
    def crew(self) -> list[Worker]:
        """Every worker that runs, those too that are about to go."""
        return list(self._crew)

    @property
    def is_ending(self) -> bool:
        """Whether it was told to stop, or has to."""
        return self._ending.is_set()

    async def state(self) -> str:
        """``READY`` where nobody who is sent here meets a worker that cannot serve, else what is wrong, in words."""
        if self.is_ending:
            return "draining"
        faults = await asyncio.gather(*(post.fault() for post in self._posts))
        if any(faults):
            return "; ".join(filter(None, faults))
        if not any(await asyncio.gather(*(post.is_ready() for post in self._posts))):
            return "no worker is ready"
        return READY

    async def silent(self) -> list[int]:
        """The numbers of workers that have answered before and do not any more."""
        return sorted(worker.slot for worker in await self._silent())

    def end(self, number: signal.Signals, code: int = 0) -> None:
        """Hand the signal to every worker, and stop when the last one has; after all patience, kill who is left."""
        if self.is_ending:
            self.hurry()
            return
        self._exit_code = code
        self._ending.set()
        self._tell_everybody(number)
        self._set_deadline(self._patience.drain + self._patience.grace + self._patience.margin)

    def hurry(self) -> None:
        """Do not wait for endpoints to be withdrawn any longer; finish what is in flight."""
        self._tell_everybody(signal.SIGINT)
        self._set_deadline(self._patience.grace + self._patience.margin)

    def renew(self) -> None:
        """Replace every worker, one after the other, by one that is ready first."""
        if self.is_ending or (self._renewal is not None and not self._renewal.done()):
            _LOG.warning("workers are being replaced or stopped already; try again later")
            return
        self._renewal = asyncio.create_task(self._renew())

    async def _keep(self, post: Post) -> None:
        backoff = Backoff()
        while not self.is_ending:
            await self._rest(await self._man(post, backoff))

    async def _rest(self, seconds: float) -> None:
        """So long, or until the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def _watch(self) -> None:
        """Kill whoever hangs: the kernel goes on sending it connections. It is replaced as after any other end."""
        silence: Silence[Worker] = Silence()
        await self._rest(LOOK_SECONDS)
        while not self.is_ending:
            for worker in silence.note(await self._silent()):
                told = {"slot": worker.slot, "pid": worker.pid}
                _LOG.error("a worker has stopped answering and is killed", extra=told)
                worker.tell(signal.SIGKILL)
            await self._rest(LOOK_SECONDS)

    async def _silent(self) -> list[Worker]:
        crew = self.crew
        states = await asyncio.gather(*(worker.state() for worker in crew))
        return [worker for worker, state in zip(crew, states, strict=True) if state == SILENT]

    async def _man(self, post: Post, backoff: Backoff) -> float:
        """Have a worker at the post until it ends or is replaced; how long to wait before the next, in seconds."""
        try:
            worker = await self._worker_at(post)
        except OSError as error:
            pause = backoff.after(0.0)
            _LOG.exception("no worker can be started", extra={"error": str(error), "again_in_seconds": pause})
            return pause
        if worker is None:
            return 0.0
        code = await self._see_off(worker) if post.worker is worker else 0
        if post.worker is not worker:
            return 0.0
        post.worker = None
        if self.is_ending:
            return 0.0
        ending, advice = describe(code)
        told = {"slot": worker.slot, "pid": worker.pid, "ending": ending}
        if code == CONFIGURATION:
            _LOG.error("a worker cannot use its settings; all stop", extra=told)
            self.end(signal.SIGTERM, CONFIGURATION)
            return 0.0
        pause = backoff.after(worker.lived)
        _LOG.error("a worker has ended", extra={**told, "advice": advice, "again_in_seconds": pause})
        return pause

    async def _worker_at(self, post: Post) -> Worker | None:
        async with post.changes:
            if post.worker is None and not self.is_ending:
                post.worker = await self._start(joins_when_able=post.has_served)
            return post.worker

    async def _start(self, *, joins_when_able: bool) -> Worker:
        slot = next(number for number in itertools.count() if number not in self._slots)
        self._slots.add(slot)
        try:
            worker = await Worker.start(self._berth, slot, joins_when_able=joins_when_able)
        except BaseException:
            self._slots.discard(slot)
            raise
        self._crew.add(worker)
        _LOG.info("a worker starts", extra={"slot": slot, "pid": worker.pid})
        if self.is_ending:
            worker.tell(signal.SIGTERM)
        return worker

    async def _see_off(self, worker: Worker) -> int:
        """Wait for its end, and forget it; the exit code."""
        code = await worker.ended()
        if worker in self._crew:
            self._crew.discard(worker)
            self._slots.discard(worker.slot)
            await worker.close()
        return code

    async def _renew(self) -> None:
        for post in self._posts:
            async with post.changes:
                predecessor = post.worker
                if predecessor is None:
                    continue  # It has ended, and a fresh one is on its way.
                try:
                    successor = await self._start(joins_when_able=True)
                except OSError as error:
                    _LOG.exception("no worker can be started; the others stay as they are", extra={"error": str(error)})
                    return
                state = await self._arrival(successor)
                if state == READY:
                    post.worker = successor
            if state != READY:
                _LOG.error(
                    "a new worker does not become ready; the others stay as they are",
                    extra={
                        "slot": successor.slot,
                        "state": state,
                        "advice": "mend what it says, then send SIGHUP again",
                    },
                )
                await self._retire(successor, drain=0.0)
                return
            await self._retire(predecessor, self._patience.drain)
        _LOG.info("every worker is new")

    async def _arrival(self, worker: Worker) -> str:
        """``READY`` when it is, or what it was instead when patience or its life was over."""
        end = asyncio.create_task(worker.ended())
        give_up_at = worker.lived + self._patience.start
        while (state := await worker.state()) != READY and worker.lived < give_up_at and not end.done():
            await asyncio.wait([end], timeout=_LOOK_SECONDS)
        if end.done():
            return describe(end.result())[0]
        end.cancel()
        return state

    async def _retire(self, worker: Worker, drain: float) -> None:
        """Let it finish, and kill it when it takes too long."""
        worker.tell(signal.SIGTERM)
        patience = drain + self._patience.grace + self._patience.margin
        late = asyncio.get_running_loop().call_later(patience, self._kill, [worker])
        try:
            await self._see_off(worker)
        finally:
            late.cancel()

    def _tell_everybody(self, number: signal.Signals) -> None:
        for worker in self._crew:
            worker.tell(number)

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._exit_code = self._exit_code or 1
        self._kill(self._crew)

    def _kill(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            _LOG.error("a worker did not stop in time and is killed", extra={"slot": worker.slot, "pid": worker.pid})
            worker.tell(signal.SIGKILL)
