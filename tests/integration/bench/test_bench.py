"""``make bench`` measures and writes what it says it does; how fast anything is, no test says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.repository import ROOT


def bench(module: str, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_scenario_of_each_driver_is_measured_in_every_round(tmp_path: Path) -> None:
    chosen = ("--only", "jwks", "--only", "login, signed in", "--no-picture")

    said = bench("bench", "--seconds", "1", "--connections", "2", "--rounds", "2", "--build", str(tmp_path), *chosen)

    document: dict[str, Any] = json.loads((tmp_path / "bench.json").read_text())
    rows = {row["scenario"]: row for row in document["scenarios"]}
    assert {"jwks", "login, signed in"} < rows.keys()
    for name in ("jwks", "login, signed in"):
        row = rows[name]
        assert row["rounds"] == len(row["ratios"]) == 2
        assert 0 < row["p50"] <= row["p95"] <= row["p99"]
        assert row["per_second"] > 0
        assert row["cpu_microseconds"] > 0
        assert f"bare handler, {row['driver']}" in rows
        assert name in said
        assert f"| {name} |" in (tmp_path / "bench.md").read_text()
    assert not (tmp_path / "bench.svg").exists()
