"""Nothing at all, and clients that hang up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faults.site import Site


@asynccontextmanager
async def nothing(_site: Site) -> AsyncIterator[None]:
    """All is well."""
    yield


NONE = Fault("none", nothing, seconds=0.0, hang_ups=0.0)
FAULTS = (NONE, Fault("clients: every second one hangs up", nothing, seconds=0.0, hang_ups=0.5))
