"""What a process that runs already cannot do its work without yet."""

from __future__ import annotations

from collections.abc import Callable

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
