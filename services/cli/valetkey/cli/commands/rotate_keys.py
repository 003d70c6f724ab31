"""``valetkey rotate-keys``: one run of the key rotation job."""

from __future__ import annotations

import click

from valetkey.cli.key_rotation_run import run_rotation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output

EMERGENCY_QUESTION = "Replace every signing key now, so that every token there is becomes worthless?"


@click.command("rotate-keys", epilog=example("valetkey rotate-keys", "valetkey rotate-keys --emergency --yes"))
@click.option("--emergency", is_flag=True, help="Replace every key at once; every token signed so far fails.")
@yes_option
@output_option
def command(output: Output, *, emergency: bool, yes: bool) -> None:
    """Rotate signing keys that are due. Safe to run at any time, and twice at once."""
    if emergency:
        confirm(EMERGENCY_QUESTION, yes=yes)
    run_rotation(output, emergency=emergency)
