"""A promise that was broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.call import Call


@dataclass(frozen=True, slots=True)
class Violation:
    """``calls`` are those that prove it."""

    invariant: str
    sentence: str
    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.invariant}: {self.sentence}", *(f"    {call}" for call in self.calls)])
