"""The table of requirements that a run proves."""

from pathlib import Path
from typing import Literal

import pytest

from support.requirement_table import coverage_of, write_table


def report(outcome: Literal["passed", "failed", "skipped"], *requirements: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="test",
        location=("file", 1, "test"),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when="call",
        user_properties=[("requirement", requirement) for requirement in requirements],
    )


def test_one_failure_among_passes_fails_the_requirement() -> None:
    stats = {"passed": [report("passed", "RFC 1 §1: a"), report("passed", "RFC 1 §1: a")]}

    table = coverage_of(stats | {"failed": [report("failed", "RFC 1 §1: a")]})

    assert (table["RFC 1 §1: a"].tests, table["RFC 1 §1: a"].verdict) == (3, "failed")


def test_a_requirement_whose_every_test_was_skipped_is_not_proved() -> None:
    table = coverage_of({"skipped": [report("skipped", "RFC 1 §1: a")]})

    assert table["RFC 1 §1: a"].verdict == "skipped"


def test_an_error_while_setting_up_fails_the_requirement() -> None:
    table = coverage_of({"error": [report("failed", "RFC 1 §1: a")]})

    assert table["RFC 1 §1: a"].verdict == "failed"


def test_a_test_may_prove_several_requirements() -> None:
    table = coverage_of({"passed": [report("passed", "RFC 1 §1: a", "security 1: b")]})

    assert {text: row.tests for text, row in table.items()} == {"RFC 1 §1: a": 1, "security 1: b": 1}


def test_sections_are_sorted_as_they_are_numbered() -> None:
    stats = {"passed": [report("passed", "RFC 1 §4.10: b", "RFC 1 §4.2: a", "security 9: c", "security 10: d")]}

    table = coverage_of(stats)

    assert list(table) == ["RFC 1 §4.2: a", "RFC 1 §4.10: b", "security 9: c", "security 10: d"]


def test_the_written_table_survives_a_bar_in_a_requirement(tmp_path: Path) -> None:
    write_table(tmp_path / "build" / "requirements.md", coverage_of({"passed": [report("passed", "RFC 1 §1: a|b")]}))

    assert "| RFC 1 §1: a\\|b | 1 | passed |\n" in (tmp_path / "build" / "requirements.md").read_text()
