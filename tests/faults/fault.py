"""What is broken, how, and what may then be expected all the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.tolerance import Tolerance
from faults.workload import HANG_UPS
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

if TYPE_CHECKING:
    from faults.site import RedisServers, Site

Inflict = Callable[["Site"], AbstractAsyncContextManager[None]]
_NOTHING = Tolerance()


@dataclass(frozen=True, slots=True)
class Fault:
    """``inflict`` breaks something as long as its context lasts, which is ``seconds``; afterwards all is well again.

    ``why_not`` says why it cannot be arranged at a site, if it cannot, and ``redis`` what Redis the site must have.
    """

    name: str
    inflict: Inflict
    tolerance: Tolerance = _NOTHING
    seconds: float = 1.5
    hang_ups: float = HANG_UPS
    why_not: Callable[[Site], str] = lambda _: ""
    redis: Callable[[], RedisServers] = EmbeddedRedis

    def __str__(self) -> str:
        return self.name
