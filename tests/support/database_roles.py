"""The roles of ``deploy/postgres/roles.sql``, made as an administrator makes them; here they share one password."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support.repository import ROOT
from valetkey.demo.stores.postgres_binaries import installed_binaries

if TYPE_CHECKING:
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

ROLES_SQL = ROOT / "deploy" / "postgres" / "roles.sql"
NAMES = ("authorize", "token", "introspection", "mailer", "compact", "key_rotation", "migration", "operator")


def create_roles(server: EmbeddedPostgres, database: str) -> None:
    """Make the roles, and let them into this database."""
    password = urlsplit(server.dsn).password
    run_roles_sql(server.dsn_of(database), {f"{name}_password": f"{password}" for name in NAMES})


def run_roles_sql(dsn: str, variables: dict[str, str], environment: dict[str, str] | None = None) -> None:
    """What an administrator types. Raises ``AssertionError`` with what psql said where it fails."""
    given = [f"--set={name}={value}" for name, value in variables.items()]
    run = subprocess.run(
        [installed_binaries() / "psql", "--no-psqlrc", "--no-password", f"--file={ROLES_SQL}", *given, dsn],
        env={"PATH": os.environ["PATH"], **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), run


def as_role(dsn: str, role: str) -> str:
    """The same database for another role; ``token`` is short for ``valetkey_token``."""
    return re.sub(r"^postgresql://[^:@]+:", f"postgresql://valetkey_{role}:", dsn)
