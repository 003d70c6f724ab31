"""What a process does with its memory once it has started, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json
from valetkey.runtime.lifecycle.memory import THRESHOLDS, settle

ring = []
ring.append(ring)
kept = [{"number": number} for number in range(10_000)]
before = len(gc.get_objects())
settle()
print(json.dumps({
    "frozen": gc.get_freeze_count(),
    "looked_at": len(gc.get_objects()),
    "before": before,
    "thresholds": gc.get_threshold() == THRESHOLDS,
    "enabled": gc.isenabled(),
}))
"""


@pytest.fixture(scope="module")
def settled() -> dict[str, int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True)
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_what_start_up_made_is_not_looked_at_again(settled: dict[str, int]) -> None:
    assert settled["frozen"] > 5_000
    assert settled["looked_at"] < settled["before"] / 10


def test_the_collector_goes_on_with_what_comes(settled: dict[str, int]) -> None:
    assert settled["enabled"]
    assert settled["thresholds"]
