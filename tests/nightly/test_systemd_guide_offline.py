"""The guide for machines without containers, on one that reaches no package index."""

import shutil
from pathlib import Path

import pytest

from support.release_checkout import run_release_program, write_release
from support.systemd_guide import DOWNLOAD, INSTALL_OFFLINE, Machine

pytestmark = pytest.mark.timeout(600)


def test_it_installs_what_another_has_downloaded_and_no_file_that_was_changed(tmp_path: Path) -> None:
    checkout = write_release(tmp_path / "checkout")
    run_release_program(checkout, "build")
    files = tmp_path / "files"
    shutil.copytree(checkout / "build/release", files)
    assert Machine(files, tmp_path / "unused").type(DOWNLOAD).returncode == 0

    installed = Machine(files, tmp_path / "whole").type([*INSTALL_OFFLINE, "/opt/valetkey/bin/valetkey --version"])
    (wheel,) = files.glob("valetkey_core-*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"changed")
    refused = Machine(files, tmp_path / "changed").type(INSTALL_OFFLINE)

    assert installed.returncode == 0, installed.stderr
    assert refused.returncode != 0
    assert "valetkey-core" in refused.stderr
    assert not list((tmp_path / "changed").glob("lib/python3*/site-packages/valetkey*"))
