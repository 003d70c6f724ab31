"""``valetkey migrate``: bring the schema of PostgreSQL up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from valetkey.cli.exit_code import ExitCode
from valetkey.cli.installation import prepare, translated
from valetkey.cli.operator_name import operator_name
from valetkey.cli.option import example, output_option, wait_option
from valetkey.cli.output import Output, say
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.runtime.settings.environment import load_settings

if TYPE_CHECKING:
    from valetkey.administration.schema import Migration


@click.group("migrate", epilog=example("valetkey migrate up"))
def command() -> None:
    """Bring the schema of PostgreSQL up to date."""


@command.command("up", epilog=example("valetkey migrate up", "valetkey migrate up --wait 5m"))
@wait_option("PostgreSQL")
@output_option
def up(output: Output, wait: timedelta) -> None:
    """Apply every pending migration in one transaction, and grant the roles that exist what this release needs.

    Safe to run at any time, and twice at once.
    """
    from valetkey.administration.schema import migrate_schema

    with translated():
        settings = load_settings("migrate")
        prepare(settings)
        applied = asyncio.run(migrate_schema(settings, operator_name(), RetryPolicy(wait)))
    if applied or output.is_json:
        output.many(_records(applied), ("revision", "description"))
    say(f"{len(applied)} migration(s) applied; the schema is up to date.")


@command.command("status", epilog=example("valetkey migrate status -o json"))
@output_option
@click.pass_context
def status(context: click.Context, output: Output) -> None:
    """Show where the schema is, what is pending, and what database roles lack or have beyond their need.

    Changes nothing; exits with 1 where `valetkey migrate up` would change something.
    """
    from valetkey.administration.schema import schema_status

    with translated():
        settings = load_settings("migrate")
        prepare(settings)
        found = asyncio.run(schema_status(settings))
    output.one(
        {
            "current": found.current,
            "head": found.head,
            "pending": _records(found.pending),
            "roles": found.grants.sentences,
        }
    )
    context.exit(ExitCode.REFUSED if found.pending or found.grants else ExitCode.OK)


def _records(migrations: Iterable[Migration]) -> list[dict[str, object]]:
    return [{"revision": migration.revision, "description": migration.description} for migration in migrations]
