"""``valetkey doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import logging

import click

from valetkey.administration.diagnosis.finding import Finding, Status, unwell, well
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.runtime.settings.environment import load_settings
from valetkey.runtime.settings.settings import Settings, SettingsError

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
    from valetkey.administration.diagnosis.sealing import examine_sealing

    # What a store complains about is in the findings.
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        settings = load_settings("cli")
    except SettingsError as error:
        return [
            unwell("settings", problem, "Mend it, then run `valetkey config validate`.") for problem in error.problems
        ]
    return [well("settings", "can be used"), examine_sealing(settings), *asyncio.run(_examine_outside(settings))]


async def _examine_outside(settings: Settings) -> list[Finding]:
    from valetkey.administration.diagnosis.stores import examine_stores
    from valetkey.cli.check.issuer import examine_issuer

    findings, kids = await examine_stores(settings)
    return findings + await examine_issuer(settings.issuer, kids)


def _record(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status,
        "detail": finding.detail,
        "next_step": finding.next_step or None,
    }
