"""``valetkey doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import click

from valetkey.administration.diagnosis.finding import Finding, Status, unwell, well
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.runtime.settings.environment import load_settings
from valetkey.runtime.settings.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = ("status", "check", "detail")


@click.command(
    "doctor",
    epilog=example(
        "valetkey doctor", "valetkey doctor -o json", "valetkey doctor --metrics http://10.1.2.3:9090/metrics"
    ),
)
@click.option(
    "--metrics",
    multiple=True,
    metavar="URL",
    help="Where a service shows its metrics: whether a proxy in front of it is not trusted. May be repeated.",
)
@output_option
@click.pass_context
def command(context: click.Context, metrics: tuple[str, ...], output: Output) -> None:
    """Find out what is wrong. Changes nothing.

    Looks at the settings, sealing, proxies, PostgreSQL, schema, clock, Redis, keys, clients, mail, the issuer, and
    the certificate authorities by which connections are verified.

    Every check that fails says what to do next. Exits with 1 where one failed.
    """
    findings = _examine(metrics)
    output.many([_record(finding) for finding in findings], _COLUMNS)
    if not output.is_json:
        for finding in findings:
            if finding.status in (Status.FAILED, Status.WARNING):
                say(f"{finding.check}: {finding.next_step}")
    context.exit(ExitCode.REFUSED if any(f.status is Status.FAILED for f in findings) else ExitCode.OK)


def _examine(metrics: Sequence[str]) -> list[Finding]:
    from valetkey.administration.diagnosis.proxies import examine_outbound, examine_trusted_proxies
    from valetkey.administration.diagnosis.sealing import examine_sealing

    # What a store complains about is in the findings.
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        settings = load_settings("cli")
    except SettingsError as error:
        return [
            unwell("settings", problem, "Mend it, then run `valetkey config validate`.") for problem in error.problems
        ]
    return [
        well("settings", "can be used"),
        examine_sealing(settings),
        examine_trusted_proxies(settings.trusted_proxies),
        *examine_outbound(settings),
        *asyncio.run(_examine_outside(settings, metrics)),
    ]


async def _examine_outside(settings: Settings, metrics: Sequence[str]) -> list[Finding]:
    from valetkey.administration.diagnosis.mail import examine_mail_server
    from valetkey.administration.diagnosis.proxies import examine_proxies_in_front
    from valetkey.administration.diagnosis.stores import examine_stores
    from valetkey.administration.diagnosis.trust import examine_trust
    from valetkey.cli.check.issuer import examine_issuer
    from valetkey.cli.check.proxy_windows import find_proxy_windows
    from valetkey.runtime.lifecycle.clock import system_clock

    findings, kids = await examine_stores(settings)
    findings.append(await examine_mail_server(settings))
    findings += await examine_issuer(settings.issuer, kids)
    findings += examine_proxies_in_front(await find_proxy_windows(metrics))
    answered = {finding.check for finding in findings if finding.status in (Status.OK, Status.WARNING)}
    return findings + examine_trust(settings, answered, system_clock())


def _record(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status,
        "detail": finding.detail,
        "next_step": finding.next_step or None,
    }
