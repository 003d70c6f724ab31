"""``valetkey revocation``: what Redis knows of everything that has been revoked, and revoking all there is."""

from __future__ import annotations

import click

from valetkey.administration.installation import Installation
from valetkey.administration.revocations import end_everything, reload_revocations
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say


@click.group("revocation", epilog=example("valetkey revocation reload", "valetkey revocation end-all --yes"))
def command() -> None:
    """Look after revocations."""


@command.command("reload", epilog=example("valetkey revocation reload"))
@with_installation
async def reload(installation: Installation) -> None:
    """Have Redis loaded anew with everything that is revoked. Until then, services ask PostgreSQL.

    For when a command said that Redis could not be told. Safe at any time; meanwhile tokens are checked more slowly.
    """
    await reload_revocations(installation)
    say("Redis is not believed until it has been loaded anew; introspection does that with the next token it checks.")


@command.command(
    "end-all", epilog=example("valetkey revocation end-all --yes", "valetkey revocation end-all --consents --yes")
)
@click.option("--consents", is_flag=True, help="Withdraw what users have agreed to as well: all are asked again.")
@yes_option
@output_option
@with_installation
async def end_all(installation: Installation, output: Output, *, consents: bool, yes: bool) -> None:
    """End every session, code, grant and token of all users, offline access too. For after PostgreSQL was restored.

    Clients, users, their secrets and passwords stay as they are. May be typed again.
    """
    confirm("End every session, grant and token of all users, so that they log in again?", yes=yes)
    ended = await end_everything(installation, consents=consents)
    output.one(
        {
            "sessions_ended": ended.sessions,
            "grants_ended": ended.authorizations,
            "consents_withdrawn": ended.consents,
        }
    )
    say("APIs that verify tokens by themselves accept what they have until it expires, or its signing key is replaced.")
