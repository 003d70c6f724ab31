"""What a process that runs already cannot do its work without yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOK_SECONDS = 0.1

Reason = Callable[[], str]


class ReadinessChecks:
    """Collects who may have a reason to wait. Whatever is over stays over: that is up to each of them."""

    __slots__ = ("_reasons",)

    def __init__(self) -> None:
        self._reasons: list[Reason] = []

    def add(self, reason: Reason) -> None:
        """Ask ``reason`` from now on: what is missing and what to do about it, empty if nothing is."""
        self._reasons.append(reason)

    @property
    def reason(self) -> str:
        """The first thing that is missing, empty if nothing is."""
        while self._reasons:
            if text := self._reasons[0]():
                return text
            del self._reasons[0]
        return ""

    async def until_over(self) -> None:
        """Wait until nothing is missing."""
        while self.reason:  # noqa: ASYNC110 - reasons are asked, they do not report
            await asyncio.sleep(_LOOK_SECONDS)
