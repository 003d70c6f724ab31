"""``valetkey rotate-keys``: one run of the key rotation job."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import click

from valetkey.cli.duration import Duration
from valetkey.cli.option import confirm, example, output_option, wait_option, yes_option
from valetkey.cli.output import Output
from valetkey.cli.rotation import run_rotation
from valetkey.key_rotation.jitter import LONGEST, spread
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy

EMERGENCY_QUESTION = "Replace every signing key now, so that every token there is becomes worthless?"


@click.command(
    "rotate-keys",
    epilog=example(
        "valetkey rotate-keys", "valetkey rotate-keys --wait 5m --jitter 60", "valetkey rotate-keys --emergency --yes"
    ),
)
@click.option("--emergency", is_flag=True, help="Replace every key at once; every token signed so far fails.")
@click.option(
    "--jitter",
    type=Duration(LONGEST),
    default="0",
    show_default=True,
    metavar="SECONDS",
    help="Begin after a random part of this, so that many installations do not all begin at once.",
)
@wait_option("PostgreSQL and its schema")
@yes_option
@output_option
def command(output: Output, jitter: timedelta, wait: timedelta, *, emergency: bool, yes: bool) -> None:
    """Rotate signing keys that are due. Safe to run at any time, and twice at once."""
    if emergency:
        confirm(EMERGENCY_QUESTION, yes=yes)
    asyncio.run(spread(jitter))
    run_rotation(output, emergency=emergency, retries=RetryPolicy(wait))
