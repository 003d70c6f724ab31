"""One step after the other: what each took, and what its requests are called in the logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from valetkey.cli.check.connection import Connection, Unreachable
from valetkey.cli.failure import Failure


@dataclass(slots=True)
class Step:
    """One thing that was done. ``milliseconds`` and ``trace_id`` are those of the step's last request or its whole."""

    name: str
    result: str = "ok"
    detail: str = ""
    milliseconds: int = 0
    trace_id: str = ""

    def record(self) -> dict[str, object]:
        """The step as a program reads it."""
        return {
            "step": self.name,
            "result": self.result,
            "milliseconds": self.milliseconds,
            "trace_id": self.trace_id,
            "detail": self.detail,
        }


@dataclass(slots=True)
class Steps:
    """Runs steps and remembers them; ``tell`` is called with each as soon as it is over."""

    connection: Connection
    tell: Callable[[Step], None]
    done: list[Step] = field(default_factory=list)

    @asynccontextmanager
    async def step(self, name: str, advice: str) -> AsyncIterator[Step]:
        """Do one step. What fails says what to do next: ``advice``, unless the failure knows better."""
        step, started = Step(name), perf_counter()
        self.connection.forget()
        try:
            yield step
        except Failure as failure:
            step.result, step.detail = "failed", failure.message.rstrip(".")
            raise Failure(self._sentence(step, failure, advice)) from failure
        finally:
            step.milliseconds = round(1000 * (perf_counter() - started))
            if self.connection.last is not None:
                step.trace_id = self.connection.last.trace_id
            self.done.append(step)
            self.tell(step)

    def skip(self, name: str, reason: str) -> None:
        """Leave a step out, and say why."""
        step = Step(name, "skipped", reason)
        self.done.append(step)
        self.tell(step)

    def _sentence(self, step: Step, failure: Failure, advice: str) -> str:
        if isinstance(failure, Unreachable):
            advice = "See that the service runs and that this machine may reach it; --connect-to names other addresses"
        last = self.connection.last
        if last is not None and last.status == 503:  # noqa: PLR2004
            advice = "A service waits or has lost a store: its /readyz says which, and `valetkey doctor` looks for it"
        trace = f" Its logs know it as {last.trace_id}." if last is not None and last.trace_id else ""
        return f"Step `{step.name}` failed: {step.detail}.{trace} {advice}."
