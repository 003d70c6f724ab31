"""The fault table: what was broken, what was asked meanwhile, what was wrong, and how long all took to recover."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from faults.run import Run

BUILD = ROOT / "build"
_HEAD = ("fault", "operations", "503", "no answer", "hung up", "violations", "back after (s)", "last was")


@dataclass(frozen=True, slots=True)
class Row:
    """``recovery`` is in seconds, by the kind of call."""

    fault: str
    operations: int
    unavailable: int
    unknown: int
    hung_up: int
    violations: int
    recovery: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> Self:
        """The line of one run."""
        outcomes = run.outcomes
        return cls(
            fault=run.fault,
            operations=len(run.calls),
            unavailable=outcomes["unavailable"],
            unknown=outcomes["unknown"],
            hung_up=outcomes["hung up"],
            violations=len(run.violations),
            recovery={kind: round(seconds, 2) for kind, seconds in sorted(run.recovery.items())},
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as texts."""
        last = max(self.recovery, key=self.recovery.__getitem__, default="")
        numbers = (self.operations, self.unavailable, self.unknown, self.hung_up, self.violations)
        back = f"{self.recovery[last]:.2f}" if last else ""
        return (self.fault, *map(str, numbers), back, last)


def markdown(rows: Sequence[Row]) -> str:
    """The table, laid out to be read as text too."""
    lines = [_HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    is_number = [0 < column < len(_HEAD) - 1 for column in range(len(_HEAD))]
    rule = ["-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, is_number, strict=True)]
    return "".join(f"{_line(cells, widths, is_number)}\n" for cells in (lines[0], tuple(rule), *lines[1:]))


def _line(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def write_table(rows: Sequence[Row], directory: Path = BUILD) -> None:
    """``faults.md`` and ``faults.json``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "faults.md").write_text(markdown(rows), encoding="utf-8")
    (directory / "faults.json").write_text(f"{json.dumps([asdict(row) for row in rows], indent=2)}\n", encoding="utf-8")
