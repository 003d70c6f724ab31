"""``.demo/env``: what a shell needs for ``valetkey`` commands to reach the demo. There only while the demo is ready."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from valetkey.demo.data_directory import open_private
from valetkey.runtime.settings.settings import Settings

NAME = "env"


@contextmanager
def environment_file(directory: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """The file, readable by us alone, and removed at the end of the block."""
    path = directory / NAME
    with os.fdopen(open_private(path), "w", encoding="utf-8") as file:
        file.write(f"# For sh: `. {shlex.quote(str(path))}`. Ends with the demo.\n")
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        file.write(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def operator_variables(
    settings: Settings, operator_dsn: str, key: str, mail_key: str, given: Mapping[str, str]
) -> dict[str, str]:
    """The settings of an operator of the demo, whose role in PostgreSQL may do what operators do.

    ``key`` is the value of the one with which signing keys are sealed; ``given`` are the demo's from the environment.
    """
    return {
        **given,
        "VALETKEY_ISSUER": settings.issuer,
        "VALETKEY_POSTGRES_DSN": operator_dsn,
        "VALETKEY_REDIS_URL": settings.redis_url.reveal(),
        "VALETKEY_KEY_ENCRYPTION_KEYS": key,
        "VALETKEY_MAIL_HOST": settings.mail_host,
        "VALETKEY_MAIL_PORT": f"{settings.mail_port}",
        "VALETKEY_MAIL_TLS": settings.mail_tls,
        "VALETKEY_MAIL_FROM": settings.mail_from,
        "VALETKEY_MAIL_KEYS": mail_key,
    }
