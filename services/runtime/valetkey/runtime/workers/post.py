"""A post is what a supervisor keeps manned: there are as many as workers were asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from valetkey.runtime.workers.worker import DRAINING, ENDED, READY, STARTING

if TYPE_CHECKING:
    from valetkey.runtime.workers.worker import Worker


@dataclass(slots=True)
class Post:
    """Who is at it, if anybody, and whether anybody has ever been ready there."""

    worker: Worker | None = None
    has_served: bool = False
    changes: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fault(self) -> str:
        """Why nobody should be sent here, empty where nothing is wrong.

        A worker that replaces another one is no fault while it starts, for it does not listen yet and the kernel hands
        all connections to the others; nor is one that drains, for it serves until it has let go of the port.
        """
        worker = self.worker
        state = ENDED if worker is None else await worker.state()
        if worker is None or state == ENDED:
            return "" if self.has_served else "a worker has ended and is started again"
        if state == READY:
            self.has_served = True
            return ""
        is_excused = self.has_served and state.startswith((STARTING, DRAINING))
        return "" if is_excused else f"worker {worker.slot}: {state}"

    async def is_ready(self) -> bool:
        """Whether somebody serves here."""
        return self.worker is not None and await self.worker.state() == READY
