"""Images for arm64, and machines of that kind, get every package ready-built, by the hashes of the locks."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT

LOCKS = [*sorted((ROOT / "deploy/docker/requirements").glob("*.lock")), ROOT / "deploy/systemd/requirements.lock"]
# What an image on Debian 12 takes.
TARGET = ["--implementation", "cp", "--python-version", "3.11"]
TARGET += [f"--platform=manylinux{name}_aarch64" for name in ("_2_28", "_2_17", "2014")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}/{lock.stem}")
def test_every_package_of_a_lock_has_a_wheel(lock: Path, tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(tmp_path), *TARGET]

    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--requirement", lock],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.whl"))
