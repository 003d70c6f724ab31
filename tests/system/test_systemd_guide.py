"""The guide for machines without containers is followed: from the files of a release to services that are ready."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.database_roles import as_role
from support.shared_port import ServiceProcess
from support.stores import create_empty, drop
from support.systemd_guide import ENVIRONMENT, INSTALL, START, Machine
from support.systemd_unit import PROGRAM, UNITS, Unit
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SERVICES = ("authorize", "token", "introspection")


@pytest.fixture(scope="module")
def machine(release_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine on which the first commands of the guide have been typed."""
    installed = Machine(release_files, tmp_path_factory.mktemp("opt") / "valetkey")
    done = installed.type(INSTALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^valetkey \d+\.\d+\.\d+$", done.stdout, re.MULTILINE)
    return installed


@pytest.fixture
def dsn(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without a schema, into which every service may come in its role."""
    name = f"guide_{secrets.token_hex(8)}"
    create_empty(postgres_server, name)
    yield postgres_server.dsn_of(name)
    drop(postgres_server, name)


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    """The files that systemd would hand to a unit."""
    values = {
        "refresh-token-keys": secrets.token_urlsafe(32),
        "cookie-keys": secrets.token_urlsafe(32),
        "sealing-keys": secrets.token_urlsafe(32),
        "key-encryption-keys": f"first:{secrets.token_urlsafe(32)}",
    }
    for name, value in values.items():
        (tmp_path / f"keys_{name}").write_text(value, encoding="utf-8")
    return tmp_path


@contextmanager
def started(machine: Machine, unit: Unit, variables: dict[str, str], log: Path) -> Iterator[ServiceProcess]:
    """What systemd would start for a unit."""
    program, *arguments = unit.command
    assert program == PROGRAM
    environment = {**ENVIRONMENT, **unit.environment, **variables}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [machine.program_directory / "bin/valetkey", *arguments], env=environment, stdout=said, stderr=said
        )
    url = f"http://{LOOPBACK}:{variables['VALETKEY_PORT']}"
    try:
        yield ServiceProcess(process, url, f"http://{LOOPBACK}:{unit.specifiers['%i']}", log)
    finally:
        process.kill()
        process.wait()


def test_the_program_that_was_installed_knows_every_command(machine: Machine) -> None:
    helped = machine.program("--help")
    served = machine.program("serve", "--help")

    assert (helped.returncode, served.returncode) == (0, 0)
    assert {"client", "migrate", "rotate-keys", "serve"} <= set(
        re.findall(r"^  ([a-z-]+) ", helped.stdout, re.MULTILINE)
    )
    assert set(SERVICES) <= set(re.findall(r"^  ([a-z-]+) ", served.stdout, re.MULTILINE))


async def test_it_makes_its_tables_and_keys_and_every_service_becomes_ready(
    machine: Machine, dsn: str, redis_url: str, credentials: Path
) -> None:
    common = {"VALETKEY_ISSUER": "https://id.example.com", "VALETKEY_TRUSTED_PROXIES": "127.0.0.1/32"}
    stores = {"VALETKEY_REDIS_URL": redis_url, "VALETKEY_DRAIN_DELAY": "0"}
    example = re.search(r"VALETKEY_POSTGRES_DSN=(\S+)", START[1])
    assert example is not None

    migrated = machine.type([START[1].replace(example[1], as_role(dsn, "migration"))], **common)
    rotation = Unit(UNITS / "valetkey-key-rotation.service", {"%d": str(credentials)})
    rotated = machine.program(
        *rotation.command[1:],
        **{**rotation.environment, **common, "VALETKEY_POSTGRES_DSN": as_role(dsn, "key_rotation")},
    )

    assert migrated.returncode == 0, migrated.stderr
    assert rotated.returncode == 0, rotated.stderr
    for name in SERVICES:
        port = {"VALETKEY_PORT": str(free_port()), "VALETKEY_POSTGRES_DSN": as_role(dsn, name)}
        unit = Unit(UNITS / "valetkey-SERVICE@.service", {"%i": str(free_port()), "%j": name, "%d": str(credentials)})
        with started(machine, unit, {**common, **stores, **port}, credentials / f"{name}.log") as service:
            await service.until_ready()
            assert await service.end() == 0, service.log.read_text(encoding="utf-8")


def test_what_the_guide_copies_is_in_the_release(machine: Machine, tmp_path: Path) -> None:
    copied = set(re.findall(r"(?<=\s)(valetkey-[\w@-]+\.[\w.]+)(?=\s)", "\n".join(START[1:])))
    shutil.copy(next(machine.files.glob("valetkey-systemd-*.tgz")), tmp_path)

    unpacked = Machine(tmp_path, tmp_path / "unused").type(START[:1])

    assert unpacked.returncode == 0, unpacked.stderr
    assert copied == {file.name for file in tmp_path.iterdir() if file.suffix in {".service", ".timer"}}
    assert (tmp_path / "roles.sql").is_file()
