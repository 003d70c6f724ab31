"""The unit for systemd starts what there is, gives it the time it needs, and systemd finds nothing wrong with it."""

import configparser
import re
import shutil
import subprocess
from dataclasses import MISSING, fields
from pathlib import Path
from typing import cast

import pytest

from support.command_line import find_command
from support.repository import ROOT
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.workers.ending import CONFIGURATION
from valetkey.runtime.workers.supervisor import RetryPolicy

UNIT = ROOT / "deploy" / "systemd" / "valetkey@.service"
# What `systemd-analyze security` calls OK; a unit without hardening has 9.6.
MOST_EXPOSED = 2.0


@pytest.fixture
def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser["Service"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as it would be for one service, with a program that is on this machine."""
    unit = tmp_path / "valetkey@token.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/valetkey/bin/valetkey", "/bin/true"), "utf-8")
    return unit


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze on PATH (Debian: systemd)")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def default_of(setting: str) -> float:
    (found,) = [each.default for each in fields(Settings) if each.name == setting]
    assert found is not MISSING
    return cast("float", found)


def test_what_it_starts_exists(service: configparser.SectionProxy) -> None:
    program, group, _, option, _ = service["ExecStart"].split()

    found, used = find_command([group, "token"])

    assert Path(program).name == "valetkey"
    assert used == 2
    assert option in {name for each in found.params for name in each.opts}


def test_it_waits_for_as_long_as_the_supervisor_may_take(service: configparser.SectionProxy) -> None:
    seconds = float(service["TimeoutStopSec"].removesuffix("s"))
    patience = RetryPolicy(default_of("drain_delay"), default_of("shutdown_grace"))

    assert seconds > patience.drain + patience.grace + patience.margin
    assert service["KillMode"] == "mixed"
    assert "-HUP" in service["ExecReload"]


def test_settings_that_cannot_be_used_are_not_tried_again(service: configparser.SectionProxy) -> None:
    assert int(service["RestartPreventExitStatus"]) == CONFIGURATION


def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    verified = analyze("verify", installed)

    assert (verified.returncode, verified.stderr) == (0, "")


def test_little_is_exposed(installed: Path) -> None:
    judged = analyze("security", "--offline=true", installed)

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert float(exposure) < MOST_EXPOSED
