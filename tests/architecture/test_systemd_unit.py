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
from valetkey.runtime.http.listener import SETTLING_SECONDS
from valetkey.runtime.http.server import EXIT_CONFIGURATION
from valetkey.runtime.settings.reader import table, variable
from valetkey.runtime.settings.settings import Settings

UNIT = ROOT / "deploy" / "systemd" / "valetkey-SERVICE@.service"
ROTATION = UNIT.with_name("valetkey-key-rotation.service")
TIMER = ROTATION.with_suffix(".timer")
SERVICES = ("authorize", "token", "introspection")
# What `systemd-analyze security` calls OK; a unit without hardening has 9.6.
MOST_EXPOSED = 2.0


@pytest.fixture
def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser["Service"]


def install(directory: Path, name: str, program: str = "/bin/true") -> Path:
    """The unit as it would be for one process of a service, with another program."""
    unit = directory / f"valetkey-{name}@9181.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/valetkey/bin/valetkey", program), "utf-8")
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


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_starts_exists(service: configparser.SectionProxy, name: str) -> None:
    program, group, instance, option = service["ExecStart"].split()

    found, used = find_command([group, name])

    assert (Path(program).name, instance) == ("valetkey", "%j")
    assert used == 2
    assert option == "--reuse-port"
    assert option in {each for parameter in found.params for each in parameter.opts}


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_takes_the_service_from_the_name_of_the_unit(name: str, tmp_path: Path) -> None:
    verified = analyze("verify", install(tmp_path, name, program="/absent/%j/%p/%i"))

    assert f"/absent/{name}/valetkey-{name}/9181 is not executable" in verified.stderr


def test_it_waits_for_as_long_as_a_process_may_take(service: configparser.SectionProxy) -> None:
    seconds = float(service["TimeoutStopSec"].removesuffix("s"))

    assert seconds > default_of("drain_delay") + SETTLING_SECONDS + default_of("shutdown_grace")


def test_settings_that_cannot_be_used_are_not_tried_again(service: configparser.SectionProxy) -> None:
    assert int(service["RestartPreventExitStatus"]) == EXIT_CONFIGURATION


def test_processes_of_a_service_have_one_user_and_a_management_port_each(service: configparser.SectionProxy) -> None:
    assert (service["User"], service["DynamicUser"]) == ("%p", "yes")
    assert "Environment=VALETKEY_MANAGEMENT_PORT=%i\n" in UNIT.read_text(encoding="utf-8")


def test_every_credential_is_a_secret_setting_that_may_be_absent() -> None:
    given = re.findall(r"^Environment=(\w+)_FILE=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    secret = {variable(name): name for name, row in table(Settings).items() if row.secret}

    assert {name for name, _ in given} <= set(secret)
    assert all(path == f"-%d/keys_{secret[name].replace('_', '-')}" for name, path in given)
    assert {row for name, row in secret.items() if row.endswith("_keys")} <= {secret[name] for name, _ in given}


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    verified = analyze("verify", install(tmp_path, name))

    assert (verified.returncode, verified.stderr) == (0, "")


def test_systemd_finds_nothing_wrong_with_the_rotation_of_keys(tmp_path: Path) -> None:
    unit, timer = install_rotation(tmp_path), tmp_path / TIMER.name
    timer.write_bytes(TIMER.read_bytes())

    verified = analyze("verify", unit, timer)

    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_rotation_of_keys_starts_a_command_that_exists_with_settings_that_do() -> None:
    text = ROTATION.read_text(encoding="utf-8")
    given = re.findall(r"^Environment=(\w+)_FILE=(.*)$", text, re.MULTILINE)
    secret = {variable(name): name for name, row in table(Settings).items() if row.secret}
    (command,) = re.findall(r"^ExecStart=/opt/valetkey/bin/valetkey (.*)$", text, re.MULTILINE)

    assert find_command(command.split())[1] == len(command.split())
    assert "VALETKEY_KEY_ENCRYPTION_KEYS" in dict(given)
    assert all(path == f"-%d/keys_{secret[name].replace('_', '-')}" for name, path in given)


def test_the_rotation_of_keys_may_do_no_more_than_a_service(service: configparser.SectionProxy) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(ROTATION.read_text(encoding="utf-8"))
    rotation = dict(parser["Service"])
    # The last variable of both is the same.
    own = {"type", "environmentfile", "loadcredential", "execstart", "timeoutstartsec"}
    of_services = {"restart", "restartsec", "restartpreventexitstatus", "killmode", "timeoutstopsec"}

    assert {name for name, value in rotation.items() if service.get(name) != value} == own
    assert set(service) - set(rotation) == of_services


def install_rotation(directory: Path) -> Path:
    unit = directory / ROTATION.name
    unit.write_text(ROTATION.read_text(encoding="utf-8").replace("/opt/valetkey/bin/valetkey", "/bin/true"), "utf-8")
    return unit


@pytest.mark.parametrize("name", ["token", "key-rotation"])
def test_little_is_exposed(name: str, tmp_path: Path) -> None:
    unit = install_rotation(tmp_path) if name == "key-rotation" else install(tmp_path, name)

    judged = analyze("security", "--offline=true", unit)

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert float(exposure) < MOST_EXPOSED
