"""``valetkey consent``: what users have agreed to let clients do, and taking it back for them."""

from __future__ import annotations

import click

from valetkey.administration.clients import get_client
from valetkey.administration.consents import ConsentSummary, list_consents, withdraw_consent
from valetkey.administration.installation import Installation
from valetkey.administration.users import get_user
from valetkey.cli.installation import with_installation
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say

_COLUMNS = ("username", "client_id", "scope", "resources", "updated_at")


@click.group("consent", epilog=example("valetkey consent list --user ada"))
def command() -> None:
    """Show and withdraw what users have agreed to."""


@command.command(
    "list", epilog=example("valetkey consent list --user ada", "valetkey consent list --client web -o json")
)
@click.option("--user", help="Only those of this user: user name, e-mail address or subject.")
@click.option("--client", metavar="CLIENT_ID", help="Only those for this client.")
@output_option
@with_installation
async def list_(installation: Installation, user: str | None, client: str | None, output: Output) -> None:
    """List what users have agreed to, by user and client. What was withdrawn is not listed."""
    subject = None if user is None else (await get_user(installation, user)).subject
    client_uid = None if client is None else (await get_client(installation, client)).client.uid
    output.many([_record(each) for each in await list_consents(installation, subject, client_uid)], _COLUMNS)


@command.command("withdraw", epilog=example("valetkey consent withdraw ada web"))
@click.argument("user")
@click.argument("client_id")
@output_option
@with_installation
async def withdraw(installation: Installation, user: str, client_id: str, output: Output) -> None:
    """Take back what a user has agreed to for a client. Every grant of the two ends; the user is asked again.

    USER is a user name, an e-mail address or a subject. Codes and tokens that the client has for the user are refused,
    offline access too. That nothing was agreed to is no failure, so it may be typed again.
    """
    found = await get_user(installation, user)
    client = (await get_client(installation, client_id)).client
    done = await withdraw_consent(installation, found, client)
    output.one(
        {
            "subject": found.subject,
            "username": found.username,
            "client_id": client.client_id,
            "was_given": done.was_given,
            "grants_ended": done.grants_ended,
        }
    )
    say("Withdrawn." if done.was_given else f"{found.username} had not agreed to anything for {client.client_id}.")


def _record(consent: ConsentSummary) -> dict[str, object]:
    return {
        "subject": consent.subject,
        "username": consent.username,
        "client_id": consent.client_id,
        "scope": consent.consent.scope,
        "resources": consent.consent.resources,
        "claims": consent.consent.claims,
        "updated_at": consent.updated_at,
    }
