"""How many cores there are depends on who asks."""

import os
from pathlib import Path

import pytest

from valetkey.runtime.lifecycle.cores import usable_cores

MANY = 64


@pytest.fixture(autouse=True)
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(MANY)))


def count(groups: Path, own: str, limits: dict[str, str]) -> int:
    for name, limit in limits.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(limit, encoding="ascii")
    own_group = groups / "own"
    own_group.write_text(own, encoding="ascii")
    return usable_cores(groups, own_group)


@pytest.mark.parametrize(
    ("own", "limits", "cores"),
    [
        ("0::/\n", {}, MANY),
        ("0::/\n", {"cpu.max": "max 100000\n"}, MANY),
        ("0::/\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000\n", "a/cpu.max": "300000 100000\n"}, 2),
        ("0::/a\n", {"b/cpu.max": "100000 100000\n"}, MANY),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, MANY),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "500000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 5),
    ],
)
def test_a_share_of_the_control_group_or_one_above_it_counts(
    tmp_path: Path, own: str, limits: dict[str, str], cores: int
) -> None:
    assert count(tmp_path, own, limits) == cores


def test_there_are_never_more_than_the_process_may_run_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {3})

    assert count(tmp_path, "0::/\n", {"cpu.max": "400000 100000\n"}) == 1
