"""One trace while it lasts: its ids, and what was done in it. Knows neither the current task nor a collector."""

from __future__ import annotations

from random import getrandbits
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.runtime.telemetry.traceparent import SpanReference


class Operation(NamedTuple):
    """One exchange with a store, by the clock of ``perf_counter``. ``error_type`` is empty where it went well."""

    name: str
    attributes: Mapping[str, str | int]
    started: float
    ended: float
    error_type: str


class Trace:
    """One request, or one run of a job. ``operations`` is None where it is not sampled, or has ended.

    ``request`` is the request, as the HTTP layer knows it.
    """

    __slots__ = ("operations", "parent", "request", "span_id", "trace_id")

    parent: SpanReference | None
    span_id: str

    def __init__(self, trace_id: str = "", request: object = None) -> None:
        self.request = request
        # A trace id names, it does not protect: the fast generator will do.
        self.trace_id = trace_id or f"{getrandbits(128) or 1:032x}"
        self.operations: list[Operation] | None = None

    def sample(self, parent: SpanReference | None = None) -> None:
        """Keep what is done from now on, as part of the trace of ``parent`` where there is one."""
        self.parent = parent
        if parent is not None:
            self.trace_id = parent.trace_id
        if self.operations is None:
            self.span_id = f"{getrandbits(64) or 1:016x}"
            self.operations = []

    def end(self) -> list[Operation]:
        """What was done. Tasks that outlive a request add nothing to it any more."""
        operations, self.operations = self.operations or [], None
        return operations
