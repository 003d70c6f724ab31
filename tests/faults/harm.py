"""Ways to take a process away and to bring it back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from faults.fault import Inflict
    from faults.site import Site
    from valetkey.demo.stores.embedded_server import EmbeddedServer

Choice = Callable[["Site"], "Sequence[EmbeddedServer]"]


def killed(choose: Choice) -> Inflict:
    """Cut off as by a power failure, and started again when the fault ends."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        servers = choose(site)
        await asyncio.gather(*(asyncio.to_thread(server.kill) for server in servers))
        try:
            yield
        finally:
            await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))

    return inflict


def restarted(choose: Choice) -> Inflict:
    """Ended in good order and started again at once; that is all there is to the fault."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        await asyncio.gather(*(asyncio.to_thread(server.restart) for server in choose(site)))
        yield

    return inflict


def frozen(choose: Choice) -> Inflict:
    """Stopped in the middle of everything, its children too: it keeps its connections and says nothing."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        pids = [pid for server in choose(site) for pid in _family(server)]
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    return inflict


def _family(server: EmbeddedServer) -> list[int]:
    assert server.pid is not None, f"{server.name} does not run"
    return [server.pid, *(child.pid for child in psutil.Process(server.pid).children(recursive=True))]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
