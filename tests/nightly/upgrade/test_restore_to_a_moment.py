"""PostgreSQL goes back to a moment, by the commands of the runbook, as they are typed on its machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.runbook import commands
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.stores.launcher import unprivileged_user
from valetkey.demo.stores.postgres_binaries import copy_for_all, installed_binaries, is_open_to_all

pytestmark = pytest.mark.timeout(600)
_IN_THE_PAGE = "2026-01-31 12:00:00+00"
_PROMOTION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """Where PostgreSQL runs as its owner; ``/archive`` and ``/backup`` are in a folder of the test."""

    folder: Path
    binaries: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres@{LOOPBACK}:{self.port}"

    def type(self, line: str) -> str:
        """What a command prints. Its output goes to a file, for a server that it starts keeps it open."""
        for place in ("/archive", "/backup"):
            line = line.replace(f"{place}/", f"{self.folder}{place}/")
        owner = unprivileged_user()
        with tempfile.TemporaryFile("w+") as said:
            run = subprocess.run(
                ["bash", "-c", line],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
                cwd=self.folder,
                env={
                    "PATH": f"{self.binaries}:{os.environ['PATH']}",
                    "PGDATA": str(self.data),
                    "ADMIN_URL": self.admin_url,
                },
                user=owner.uid if owner else None,
                group=owner.gid if owner else None,
                timeout=120,
            )
            said.seek(0)
            text = said.read()
        assert run.returncode == 0, f"{line}\n{text}"
        return text

    def ask(self, statement: str) -> str:
        return self.type(f'psql "$ADMIN_URL/postgres" --no-psqlrc --tuples-only --no-align -c "{statement}"').strip()


@pytest.fixture
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="valetkey-moment-"))
    owner = unprivileged_user()
    binaries = installed_binaries()
    if owner is not None:
        if not is_open_to_all(binaries / "postgres"):
            binaries = copy_for_all(binaries, folder / "postgresql")
        os.chown(folder, owner.uid, owner.gid)
    made = Machine(folder, binaries, free_port())
    made.type('initdb --pgdata="$PGDATA" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-instructions')
    made.type("mkdir archive backup")
    for setting in (f"port = {made.port}", f"listen_addresses = '{LOOPBACK}'", "unix_socket_directories = ''"):
        made.type(f'echo "{setting}" >> "$PGDATA/postgresql.conf"')
    made.type('pg_ctl -D "$PGDATA" -l log start')
    yield made
    made.type('pg_ctl -D "$PGDATA" stop -m immediate || true')
    shutil.rmtree(folder)


def test_what_happened_after_the_moment_is_undone_and_what_happened_before_is_there(machine: Machine) -> None:
    archive, backup, *restore, ask = (each.line for each in commands() if each.section == "To a moment")
    machine.type(archive)
    machine.type('pg_ctl -D "$PGDATA" -l log restart')
    machine.ask("CREATE TABLE happened (what text)")
    machine.type(backup)
    machine.ask("INSERT INTO happened VALUES ('before')")
    moment = machine.ask("SELECT clock_timestamp()")
    machine.ask("INSERT INTO happened VALUES ('after')")
    machine.ask("SELECT pg_switch_wal()")

    for line in restore:
        machine.type(line.replace(_IN_THE_PAGE, moment))
    deadline = time.monotonic() + _PROMOTION_SECONDS
    while "f" not in machine.type(ask).split():
        assert time.monotonic() < deadline, "it is in recovery still"
        time.sleep(0.1)

    assert any(_IN_THE_PAGE in line for line in restore)
    assert machine.ask("SELECT string_agg(what, ',') FROM happened") == "before"
