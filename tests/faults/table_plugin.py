"""Prints the fault table at the end of a test run, and writes it to build/."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from faults.table import Row, markdown, write_table

if TYPE_CHECKING:
    from collections.abc import Callable

_PROPERTY = "fault"


def property_of(row: Row) -> tuple[str, str]:
    """What a test's report carries of a run, from worker processes too."""
    return _PROPERTY, json.dumps(asdict(row))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print and write the table, where any fault was tried."""
    rows = [
        Row(**json.loads(str(value)))
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    if rows:
        rows.sort(key=lambda row: row.fault)
        write_table(rows)
        terminalreporter.section("faults")
        terminalreporter.write(markdown(rows))


@pytest.fixture
def show_row(request: pytest.FixtureRequest) -> Callable[[Row], None]:
    """Adds a line to the table."""
    return lambda row: request.node.user_properties.append(property_of(row))
