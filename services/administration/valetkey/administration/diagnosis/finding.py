"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad it is. Only ``failed`` makes the doctor exit with 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``next_step`` is what to do about it; every finding that is not well has one."""

    check: str
    status: Status
    detail: str
    next_step: str = ""


def well(check: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Status.OK, detail)


def unwell(check: str, detail: str, next_step: str) -> Finding:
    """Something does not work."""
    return Finding(check, Status.FAILED, detail, next_step)


def doubtful(check: str, detail: str, next_step: str) -> Finding:
    """It works, and the operator should look at it."""
    return Finding(check, Status.WARNING, detail, next_step)


def skipped(check: str, detail: str, next_step: str) -> Finding:
    """It could not be looked at."""
    return Finding(check, Status.SKIPPED, detail, next_step)
