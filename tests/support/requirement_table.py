"""Which requirements the tests prove: a table in the terminal, and in build/requirements.md."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

_PROPERTY = "requirement"
_OUTCOMES = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")

Outcome = Literal["failed", "passed", "skipped"]


@dataclass(slots=True)
class Coverage:
    """How the tests that cite one requirement ended."""

    outcomes: dict[Outcome, int] = field(default_factory=lambda: {"failed": 0, "passed": 0, "skipped": 0})

    @property
    def verdict(self) -> Outcome:
        """Failed if one failed, passed if one passed, skipped if none did either."""
        return next(outcome for outcome, count in self.outcomes.items() if count)

    @property
    def tests(self) -> int:
        return sum(self.outcomes.values())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the markers where reports carry them, from worker processes too."""
    for item in items:
        texts = {text for marker in item.iter_markers("requirement") for text in marker.args}
        item.user_properties.extend((_PROPERTY, text) for text in sorted(texts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it, for the tests of this run."""
    table = coverage_of(terminalreporter.stats)
    if not table:
        return
    terminalreporter.section("requirements")
    for requirement, coverage in table.items():
        colour = {"failed": "red", "passed": "green", "skipped": "yellow"}[coverage.verdict]
        terminalreporter.write(f"{coverage.verdict:>7} {coverage.tests:>4}  ", **{colour: True})
        terminalreporter.write_line(requirement)
    proved = sum(coverage.verdict == "passed" for coverage in table.values())
    terminalreporter.write_line(f"{proved} of {len(table)} cited requirements proved")
    write_table(config.rootpath / "build" / "requirements.md", table)


def coverage_of(stats: Mapping[str, Iterable[object]]) -> dict[str, Coverage]:
    """The table, sorted as the specifications number their sections."""
    table: defaultdict[str, Coverage] = defaultdict(Coverage)
    for category in _OUTCOMES:
        for report in stats.get(category, ()):
            if isinstance(report, pytest.TestReport):
                for name, text in report.user_properties:
                    if name == _PROPERTY:
                        table[str(text)].outcomes[_outcome(category)] += 1
    return dict(sorted(table.items(), key=lambda row: _natural(row[0])))


def write_table(path: Path, table: Mapping[str, Coverage]) -> None:
    """The same table in Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"| {requirement.replace('|', chr(92) + '|')} | {coverage.tests} | {coverage.verdict} |"
        for requirement, coverage in table.items()
    ]
    path.write_text("\n".join(["| requirement | tests | outcome |", "|---|---:|---|", *rows, ""]), encoding="utf-8")


def _outcome(category: str) -> Outcome:
    if category in {"failed", "error", "xpassed"}:
        return "failed"
    return "passed" if category == "passed" else "skipped"


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that puts §4.2 before §4.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]
