"""``valetkey doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import logging

import click

from valetkey.cli.diagnosis.clients import examine_clients
from valetkey.cli.diagnosis.finding import Finding, Status, unwell, well
from valetkey.cli.diagnosis.issuer import examine_issuer
from valetkey.cli.diagnosis.keys import examine_keys
from valetkey.cli.diagnosis.postgres import examine_postgres
from valetkey.cli.diagnosis.redis import examine_redis
from valetkey.cli.diagnosis.sealing import examine_sealing
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.core.jose.keys import KeyState
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings, SettingsError, load_settings
from valetkey.storage.postgres.tables.signing_keys import KeyStore
from valetkey.storage.stores import open_database

_COLUMNS = ("status", "check", "detail")


@click.command("doctor", epilog=example("valetkey doctor", "valetkey doctor -o json"))
@output_option
@click.pass_context
def command(context: click.Context, output: Output) -> None:
    """Find out what is wrong. Changes nothing.

    Looks at the settings, sealing, PostgreSQL, schema, clock, Redis, keys, clients and the issuer.

    Every check that fails says what to do next. Exits with 1 where one failed.
    """
    findings = _examine()
    output.many([_record(finding) for finding in findings], _COLUMNS)
    if not output.is_json:
        for finding in findings:
            if finding.status in (Status.FAILED, Status.WARNING):
                say(f"{finding.check}: {finding.next_step}")
    context.exit(ExitCode.REFUSED if any(f.status is Status.FAILED for f in findings) else ExitCode.OK)


def _examine() -> list[Finding]:
    # What a store complains about is in the findings.
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        settings = load_settings("cli")
    except SettingsError as error:
        return [
            unwell("settings", problem, "Mend it, then run `valetkey config validate`.") for problem in error.problems
        ]
    return [well("settings", "can be used"), examine_sealing(settings), *asyncio.run(_examine_stores(settings))]


async def _examine_stores(settings: Settings) -> list[Finding]:
    findings, kids = await examine_redis(settings), []
    async with open_database(settings, "cli") as database:
        findings = [*await examine_postgres(database, system_clock), *findings]
        if all(finding.status is not Status.FAILED for finding in findings if finding.check in ("postgres", "schema")):
            findings += await examine_keys(settings, database, system_clock())
            findings += await examine_clients(database, settings.issuer)
            keys = await KeyStore(database).public_keys()
            kids = [key.kid for key in keys if key.state is KeyState.ACTIVE]
    return findings + await examine_issuer(settings.issuer, kids)


def _record(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status,
        "detail": finding.detail,
        "next_step": finding.next_step or None,
    }
