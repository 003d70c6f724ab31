"""Records which rows of the table passed, in ``last_run.json``: with which version, and on which day.

A plugin of pytest, at work where ``RECORD_PEERS`` is set: ``make peers-record`` sets it and runs them all.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from peers.matrix import Peer

_WANTED = "RECORD_PEERS"
_outcomes: dict[str, set[str]] = {}
RECORD = Path(__file__).parent / "last_run.json"


@dataclass(frozen=True, slots=True)
class Passed:
    """A row as it ran: every case of its test passed with this version on that day."""

    version: str
    day: str


def key_of(peer: Peer) -> str:
    """What a row is recorded under: two rows may have one test, which runs once for each."""
    return f"{peer.proven_by} {peer.tool}: {peer.flow}"


def read_record(path: Path = RECORD) -> dict[str, Passed]:
    """What passed, by its row."""
    document: Mapping[str, Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {key: Passed(**row) for key, row in document.items()}


def recorded(
    before: Mapping[str, Passed], peers: Iterable[Peer], outcomes: Mapping[str, set[str]], day: str
) -> dict[str, Passed]:
    """The record after a run: ``outcomes`` are those of the cases of each test that ran, by ``path::name``.

    A row whose test failed is taken out. One whose test was skipped, or did not run, stays as it was.
    """
    after = {}
    for peer in peers:
        key, found = key_of(peer), outcomes.get(peer.proven_by, set())
        if found == {"passed"}:
            after[key] = Passed(peer.version, day)
        elif "failed" not in found and key in before:
            after[key] = before[key]
    return after


def write_record(outcomes: Mapping[str, set[str]], peers: Iterable[Peer], path: Path = RECORD) -> None:
    """Note what a run has shown."""
    after = recorded(read_record(path), peers, outcomes, system_clock().date().isoformat())
    document = {key: {"version": row.version, "day": row.day} for key, row in sorted(after.items())}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what became of a case."""
    if report.when == "call" or report.outcome != "passed":
        _outcomes.setdefault(report.nodeid.partition("[")[0], set()).add(report.outcome)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the record, in the process that has heard of all tests."""
    if _WANTED in os.environ and not hasattr(session.config, "workerinput"):
        from peers.matrix import PEERS  # noqa: PLC0415 - it reads what is pinned, which other runs need not

        write_record(_outcomes, PEERS)
