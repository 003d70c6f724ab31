"""One fault under a workload: the history, what the checker says of it, and how long everything took to recover."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.call import Outcome
from faults.checker import check
from faults.history import History
from faults.violation import Violation
from faults.workload import KINDS, workload
from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from faults.call import Call
    from faults.fault import Fault
    from faults.site import Site

BUILD = ROOT / "build" / "faults"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """``recovery`` is seconds from the end of the fault to the first success of each kind of call.

    ``bugs`` is what the services logged of unexpected errors, where a promise was broken.
    """

    fault: str
    calls: Sequence[Call]
    violations: Sequence[Violation]
    recovery: Mapping[str, float]
    bugs: Sequence[str] = ()

    @property
    def outcomes(self) -> Counter[str]:
        """How often each outcome was met; calls that were given up by their client count as ``hung up``."""
        return Counter("hung up" if call.hung_up else call.answer.outcome.value for call in self.calls)

    @property
    def explanation(self) -> str:
        """Every violation with the calls that prove it, and what may have caused it."""
        return "\n".join((*map(str, self.violations), *self.bugs))


async def run(site: Site, fault: Fault, *, operations: int, clients: int = 8, seed: int = 1) -> Run:
    """At least so many calls: a third of them before the fault, the rest during and after it."""
    history = History()
    async with workload(site, history, clients=clients, seed=seed, hang_ups=fault.hang_ups) as running:
        async with running.busy():
            await _until(history, lambda: len(history.calls) >= operations // 3)
            async with fault.inflict(site):
                await asyncio.sleep(fault.seconds)
            ended = history.clock()
            late = await _recovered(history, ended)
            await _until(history, lambda: len(history.calls) >= operations)
        await running.settle()
    history.write(history_file(fault))
    violations = [*check(history.calls, fault.tolerance), *late]
    bugs = [bug for replica in site.all_replicas for bug in replica.bugs()] if violations else ()
    return Run(fault.name, history.calls, violations, _recovery(history.calls, ended), bugs)


def history_file(fault: Fault) -> Path:
    """Where the history of this fault is kept."""
    return BUILD / f"{re.sub(r'[^a-z0-9]+', '-', fault.name.lower()).strip('-')}.jsonl"


def _recovery(calls: Sequence[Call], ended: float) -> dict[str, float]:
    first: dict[str, float] = {}
    for call in calls:
        if call.answer.outcome is Outcome.DONE and call.began >= ended:
            first.setdefault(call.kind, call.ended - ended)
    return first


async def _recovered(history: History, ended: float) -> list[Violation]:
    try:
        await _until(history, lambda: set(KINDS) <= _recovery(history.calls, ended).keys())
    except TimeoutError:
        missing = ", ".join(sorted(set(KINDS) - _recovery(history.calls, ended).keys()))
        return [Violation("recovery", f"{missing} did not work again within {_PATIENCE:.0f} s", ())]
    return []


async def _until(history: History, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE), history.grown:
        await history.grown.wait_for(holds)
