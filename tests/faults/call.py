"""One thing that was asked of the system, when, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What the one who asked knows afterwards."""

    DONE = "done"
    REFUSED = "refused"
    # What was answered with 503, and what was not answered at all, may have been done all the same.
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``status`` is 0 where nothing did; ``got`` names what was handed out, and whose it says it is."""

    outcome: Outcome
    status: int = 0
    error: str = ""
    retry_after: str = ""
    got: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """``began`` and ``ended`` are seconds of one monotonic clock; ``given`` and ``got`` hold references, never secrets.

    ``hung_up`` says that the one who asked did not wait for the answer.
    """

    number: int
    actor: str
    kind: str
    at: str
    began: float
    ended: float
    given: Mapping[str, str]
    answer: Answer
    hung_up: bool = False
    note: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it was answered, and as it should be."""
        return self.answer.outcome is Outcome.DONE

    @property
    def is_refused(self) -> bool:
        """Whether it was certainly not done."""
        return self.answer.outcome is Outcome.REFUSED

    def __str__(self) -> str:
        answer = " ".join(filter(None, [self.answer.outcome.value, str(self.answer.status or ""), self.answer.error]))
        return f"#{self.number} {self.kind} by {self.actor} at {self.at} {dict(self.given)}: {answer}"
