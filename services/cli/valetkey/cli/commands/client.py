"""``valetkey client``: who may ask for tokens, and which resource servers there are."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from valetkey.cli.client_options import EMPTY_VALUES, client_field_options, given_fields
from valetkey.cli.client_record import LIST_COLUMNS, client_record
from valetkey.cli.commands import client_apply, client_rotate_secret
from valetkey.cli.ending import delete_client, disable_client
from valetkey.cli.failure import Failure
from valetkey.cli.operator_audit import audited
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.registration import (
    change_problems,
    changed_client,
    creation_problems,
    new_client,
    registration_problems,
)
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import secret_path
from valetkey.cli.store import Stores, with_stores
from valetkey.cli.stored_client import get_client, require_unowned
from valetkey.core.client.authentication.authenticate import generate_secret, secret_digest
from valetkey.core.client.client import Client, ClientSecret
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.client_lifecycle import ClientEndings
from valetkey.storage.postgres.tables.clients import ClientRecord, Clients

_ID_BYTES = 8
_force_option = click.option("--force", is_flag=True, help="Change it although an applied file owns it.")


@click.group("client", epilog=example("valetkey client list"))
def command() -> None:
    """Register clients and resource servers."""


command.add_command(client_rotate_secret.command)
command.add_command(client_apply.command)


@command.command(
    "create",
    epilog=example(
        "valetkey client create web --name Reports --grant-type authorization_code --grant-type refresh_token \\",
        "    --redirect-uri https://reports.example/callback --scope openid --scope profile --secret-file web.secret",
        "valetkey client create spa --auth-method none --redirect-uri https://app.example/callback --scope openid",
        "valetkey client create api --resource https://api.example -o json",
    ),
)
@click.argument("client_id", required=False)
@client_field_options
@click.option("--secret-file", type=secret_path(exists=False), help="Write the secret there instead of printing it.")
@output_option
@with_stores
async def create(
    stores: Stores, /, client_id: str | None, secret_file: Path | None, output: Output, **fields: object
) -> None:
    """Register a client.

    A confidential client gets a secret of 256 bits, which is shown once. CLIENT_ID is made up unless given.
    """
    client = new_client(client_id or secrets.token_hex(_ID_BYTES), given_fields(fields))
    await _require_sound(stores, client)
    if client.is_public and secret_file is not None:
        raise click.UsageError("A public client has no secret: drop --secret-file.")
    now, handed = stores.clock(), dict[str, object]()
    with ExitStack() as stack:
        if not client.is_public:
            secret = generate_secret()
            client = replace(client, secrets=(ClientSecret(secret_digest(secret)),))
            handed = stack.enter_context(handed_over("client_secret", secret, secret_file))
        stack.enter_context(audited("client.created", client_id=client.client_id))
        await Clients(stores.database).insert(client, now)
    # Not read back: whatever fails from here on must not keep the secret from whoever waits for it.
    output.one(client_record(ClientRecord(client, None, now, now), now) | handed)
    if "client_secret" in handed:
        say("The secret is shown this once; `valetkey client rotate-secret` makes another.")


@command.command("get", epilog=example("valetkey client get web -o json"))
@click.argument("client_id")
@output_option
@with_stores
async def get(stores: Stores, client_id: str, output: Output) -> None:
    """Show a client."""
    await _show(stores, client_id, output)


@command.command("list", epilog=example("valetkey client list", "valetkey client list --owner platform -o json"))
@click.option("--owner", help="Only those that `client apply --owner` owns under this name.")
@output_option
@with_stores
async def list_(stores: Stores, owner: str | None, output: Output) -> None:
    """List every client."""
    records = await Clients(stores.database).list()
    now = stores.clock()
    wanted = [record for record in records if owner is None or record.managed_by == owner]
    output.many([client_record(record, now) for record in wanted], LIST_COLUMNS)


@command.command(
    "update",
    epilog=example(
        "valetkey client update web --redirect-uri https://new.example/callback",
        "valetkey client update web --disable",
    ),
)
@click.argument("client_id")
@client_field_options
@click.option("--clear", "cleared", multiple=True, type=click.Choice(list(EMPTY_VALUES)), help="Empty this field.")
@click.option("--enable/--disable", "enabled", default=None, help="Disabling ends everything the client was given.")
@_force_option
@output_option
@with_stores
async def update(
    stores: Stores,
    /,
    client_id: str,
    cleared: tuple[str, ...],
    output: Output,
    *,
    enabled: bool | None,
    force: bool,
    **fields: object,
) -> None:
    """Change a client. A list that is given replaces the whole list that was."""
    record = await get_client(stores.database, client_id)
    require_unowned(record, force=force)
    given = given_fields(fields)
    if both := sorted(given.keys() & set(cleared)):
        raise click.UsageError(f"Both given and cleared: {', '.join(both)}.")
    client = changed_client(record.client, given | {name: EMPTY_VALUES[name] for name in cleared})
    # What only ends a client, or accepts it again, is possible whatever a release before this one let it have.
    if client != record.client:
        await _require_sound(stores, client, record.client)
        with audited("client.updated", client_id=client_id):
            await Clients(stores.database).update(client, stores.clock(), record.managed_by)
    if enabled is False:
        # Even where it is disabled already: Redis may have been away the first time.
        async with stores.revoking() as publish:
            with audited("client.disabled", client_id=client_id):
                await disable_client(stores, client_id, publish)
    if enabled and not record.client.enabled:
        with audited("client.enabled", client_id=client_id):
            await ClientEndings(stores.database).enable(client_id, stores.clock())
    await _show(stores, client_id, output)


@command.command("delete", epilog=example("valetkey client delete web --yes"))
@click.argument("client_id")
@_force_option
@yes_option
@with_stores
async def delete(stores: Stores, client_id: str, *, force: bool, yes: bool) -> None:
    """Delete a client. Its secrets, consents and grants go too, and its tokens are refused."""
    record = await get_client(stores.database, client_id)
    require_unowned(record, force=force)
    confirm(f"Delete the client {client_id} ({record.client.client_name}) and end everything it was given?", yes=yes)
    async with stores.revoking() as publish:
        with audited("client.deleted", client_id=client_id):
            await delete_client(stores, client_id, publish)
    say(f"The client {client_id} is gone.")


async def _require_sound(stores: Stores, client: Client, old: Client | None = None) -> None:
    catalog = await CatalogStore(stores.database).get()
    problems = registration_problems(client, catalog, stores.settings.issuer)
    problems += creation_problems(client) if old is None else change_problems(old, client)
    if problems:
        raise Failure(f"The client {client.client_id} cannot be registered like this:", *problems)


async def _show(stores: Stores, client_id: str, output: Output) -> None:
    output.one(client_record(await get_client(stores.database, client_id), stores.clock()))
