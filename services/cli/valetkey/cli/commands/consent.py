"""``valetkey consent``: what users have agreed to let clients do, and taking it back for them."""

from __future__ import annotations

import click

from valetkey.cli.operator_audit import audited
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.cli.store import Stores, with_stores
from valetkey.cli.stored_client import get_client
from valetkey.cli.stored_user import get_user
from valetkey.storage.postgres.tables.consents import Consents, ConsentSummary

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
@with_stores
async def list_(stores: Stores, user: str | None, client: str | None, output: Output) -> None:
    """List what users have agreed to, by user and client. What was withdrawn is not listed."""
    subject = None if user is None else (await get_user(stores.database, user)).subject
    client_uid = None if client is None else (await get_client(stores.database, client)).client.uid
    found = await Consents(stores.database).list(subject, client_uid)
    output.many([_record(consent) for consent in found], _COLUMNS)


@command.command("withdraw", epilog=example("valetkey consent withdraw ada web"))
@click.argument("user")
@click.argument("client_id")
@output_option
@with_stores
async def withdraw(stores: Stores, user: str, client_id: str, output: Output) -> None:
    """Take back what a user has agreed to for a client. Every grant of the two ends; the user is asked again.

    USER is a user name, an e-mail address or a subject. Codes and tokens that the client has for the user are refused,
    offline access too. That nothing was agreed to is no failure, so it may be typed again.
    """
    found = await get_user(stores.database, user)
    client = (await get_client(stores.database, client_id)).client
    consents = Consents(stores.database)
    was_given = await consents.find(found.subject, client.uid) is not None
    async with stores.revoking() as publish:
        with audited("consent.withdrawn", subject=str(found.subject), client_id=client.client_id):
            ended = await consents.withdraw(found.subject, client.uid, stores.clock())
            await publish(ended)
    output.one(
        {
            "subject": found.subject,
            "username": found.username,
            "client_id": client.client_id,
            "was_given": was_given,
            "grants_ended": len(ended),
        }
    )
    say("Withdrawn." if was_given else f"{found.username} had not agreed to anything for {client.client_id}.")


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
