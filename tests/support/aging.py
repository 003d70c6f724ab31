"""A system in which time passes as fast as a test likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.movable_clock import MovableClock
    from support.relying_party import ClientIdentity
    from support.system import System


@dataclass(frozen=True, slots=True)
class Aging:
    """Its clock never goes back, so a test can only rely on what it has made itself, and on ``resource_servers``."""

    system: System
    clock: MovableClock
    resource_servers: dict[str, ClientIdentity]
