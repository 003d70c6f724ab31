"""Backups of a database with PostgreSQL's own programs, as an operator makes and restores them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from support.stores import create_empty, drop
from valetkey.demo.stores.postgres_binaries import installed_binaries

if TYPE_CHECKING:
    from pathlib import Path

    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres


def dump(server: EmbeddedPostgres, database: str, file: Path) -> None:
    """``pg_dump`` of everything in it."""
    _run("pg_dump", "--format=custom", f"--file={file}", server.dsn_of(database))


def restore(server: EmbeddedPostgres, database: str, file: Path) -> None:
    """A new database under the same name, the roles, ``pg_restore``. Open connections are closed."""
    drop(server, database)
    create_empty(server, database)
    _run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={server.dsn_of(database)}", str(file))


def _run(program: str, *arguments: str) -> None:
    run = subprocess.run(
        [installed_binaries() / program, "--no-password", *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), run
