"""``make bench`` measures and writes what it says it does; how fast anything is, no test says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.repository import ROOT


def bench(module: str, *arguments: str, kept: bool = True) -> str:
    """What it says; 1 is the exit code of a budget that is not kept, which is no failure where one may not be."""
    finished = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert finished.returncode in ({0} if kept else {0, 1}), finished.stdout + finished.stderr
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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_growth_is_measured_at_every_size(tmp_path: Path) -> None:
    sizes = ("--clients", "2", "120", "--revocations", "50", "--authorizations", "50")
    chosen = ("--only", "refresh")

    bench("bench.growth", "--seconds", "1", "--connections", "2", "--build", str(tmp_path), *sizes, *chosen)

    document: dict[str, Any] = json.loads((tmp_path / "bench-growth.json").read_text())
    assert [row["size"] for row in document["sizes"]] == [
        "2 clients, all ask",
        "120 clients, all ask",
        "120 clients, 100 ask",
        "+ 50 revocations",
        "+ 50 authorizations",
        "2 clients ask, at the end",
    ]
    for row in document["sizes"]:
        assert row["cpu_microseconds"] > 0
        assert row["sql_per_request"] > 0.9
    assert document["loading"]["revocations"] == 50
    assert document["loading"]["redis_bytes_each"] > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_memory_of_every_service_is_measured(tmp_path: Path) -> None:
    few = ("--requests", "50", "--most-seconds", "1", "--connections", "2")

    said = bench("bench.memory", "--build", str(tmp_path), *few, kept=False)

    document: dict[str, Any] = json.loads((tmp_path / "bench-memory.json").read_text())
    services = {each["service"]: each for each in document["services"]}
    assert services.keys() == {"token", "introspection", "authorize"}
    for name, found in services.items():
        assert found["requests"] > 0
        assert found["samples"][0][0] == 0
        assert 0 < found["megabytes_at_first"] <= found["megabytes_at_most"]
        assert name in said
