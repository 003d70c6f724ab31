"""Types commands of the program ``valetkey``, in this process, with settings of the test's own."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from click.testing import CliRunner

from valetkey.cli.__main__ import cli
from valetkey.core.encoding import b64url_encode
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.audit import audit_told_to


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command said and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command answers
        """Standard output, which is JSON and nothing else."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The audit events on standard error."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith('{"log":"audit"')]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator at a terminal, or a job, with these variables set."""

    environment: Mapping[str, str]

    def run(self, *arguments: str, stdin: str = "") -> Outcome:
        """Type a command. Any exception that a user would see as a traceback is raised here."""
        with _logging_as_it_was():
            result = CliRunner(env=dict(self.environment)).invoke(cli, arguments, input=stdin, prog_name="valetkey")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def succeed(self, *arguments: str, stdin: str = "") -> Outcome:
        """Type a command that must end with 0."""
        outcome = self.run(*arguments, stdin=stdin)
        assert outcome.exit_code == 0, outcome
        return outcome

    def json(self, *arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - whatever the command answers
        """The JSON that a successful command answers."""
        return self.succeed(*arguments, "-o", "json", stdin=stdin).json

    def with_variables(self, **changes: str) -> Operator:
        """The same operator with other settings, by name."""
        return replace(
            self, environment={**self.environment, **{f"VALETKEY_{k.upper()}": v for k, v in changes.items()}}
        )


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that an operator of an installation with these settings has."""
    keys = settings.key_encryption_keys.reveal()
    return {
        "VALETKEY_ISSUER": settings.issuer,
        "VALETKEY_POSTGRES_DSN": settings.postgres_dsn.reveal(),
        "VALETKEY_REDIS_URL": settings.redis_url.reveal(),
        "VALETKEY_KEY_ENCRYPTION_KEYS": ",".join(f"{name}:{b64url_encode(key)}" for name, key in keys),
        "VALETKEY_PASSWORD_TIME_COST": str(settings.password_time_cost),
        "VALETKEY_PASSWORD_MEMORY_COST": str(settings.password_memory_cost),
    }


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    try:
        with audit_told_to():
            yield
    finally:
        logging.raiseExceptions = raises
        root.handlers[:] = handlers
        root.setLevel(level)
