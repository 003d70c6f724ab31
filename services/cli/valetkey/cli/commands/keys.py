"""``valetkey keys``: the signing keys, their states and times."""

from __future__ import annotations

import click

from valetkey.administration.installation import Installation
from valetkey.administration.keys import list_keys, require_key
from valetkey.cli.commands.rotate_keys import EMERGENCY_QUESTION
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output
from valetkey.cli.rotation import run_rotation
from valetkey.core.jose.keys import PublicKey

_COLUMNS = ("kid", "alg", "state", "since", "next_state", "not_before", "replicas")


@click.group("keys", epilog=example("valetkey keys list"))
def command() -> None:
    """Show and rotate the keys that sign tokens."""


@command.command("list", epilog=example("valetkey keys list", "valetkey keys list -o json"))
@output_option
@with_installation
async def list_(installation: Installation, output: Output) -> None:
    """List every key: its state and times, what comes next and when, and how many live replicas know it."""
    records = [
        {
            **_record(listed.key),
            "next_state": listed.forecast.next_state,
            "not_before": listed.forecast.not_before,
            "held_back_by": listed.forecast.blocking_replicas,
            "replicas": f"{listed.knowing}/{listed.live}",
        }
        for listed in await list_keys(installation)
    ]
    output.many(records, _COLUMNS)


@command.command("rotate", epilog=example("valetkey keys rotate", "valetkey keys rotate --early"))
@click.option("--early", is_flag=True, help="Take active keys for due. They still wait until successors are known.")
@click.option("--emergency", is_flag=True, help="Replace every key at once; every token signed so far fails.")
@yes_option
@output_option
def rotate(output: Output, *, early: bool, emergency: bool, yes: bool) -> None:
    """Do what `valetkey rotate-keys` does, or do it before it is time. Says what a key that is due waits for."""
    if emergency:
        confirm(EMERGENCY_QUESTION, yes=yes)
    run_rotation(output, emergency=emergency, early=early)


@command.command("retire", epilog=example("valetkey keys retire kUGgLs0OKzHkDVFDjHPRqtqhBdw_9NAkHYGd1fMoBU8 --yes"))
@click.argument("kid")
@yes_option
@output_option
def retire(kid: str, output: Output, *, yes: bool) -> None:
    """Withdraw one key at once, as after a compromise. Tokens that it signed fail; a successor signs from now on."""
    _require_key(kid)
    confirm(f"Withdraw the key {kid}, so that every token it signed becomes worthless?", yes=yes)
    run_rotation(output, compromised=(kid,))


@with_installation
async def _require_key(installation: Installation, kid: str) -> None:
    await require_key(installation, kid)


def _record(key: PublicKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state,
        "since": key.retired_at or key.activated_at or key.created_at,
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
        "retire_until": key.retire_until,
    }
