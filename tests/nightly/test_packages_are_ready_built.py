"""Every package comes ready-built, by the hashes of the locks: on arm64, and on the newest Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT

LOCKS = [*sorted((ROOT / "deploy/docker/requirements").glob("*.lock")), ROOT / "deploy/systemd/requirements.lock"]
OLDEST, NEWEST = "3.11", "3.14"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("machine", "python"), [("aarch64", OLDEST), ("aarch64", NEWEST), ("x86_64", NEWEST)])
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}/{lock.stem}")
def test_every_package_of_a_lock_has_a_wheel(lock: Path, machine: str, python: str, tmp_path: Path) -> None:
    # What an image on Debian 12 takes.
    target = ["--implementation", "cp", "--python-version", python]
    target += [f"--platform=manylinux{name}_{machine}" for name in ("_2_28", "_2_17", "2014")]
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(tmp_path), *target]

    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--requirement", lock],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.whl"))
