"""``valetkey client``: who may ask for tokens, and which resource servers there are."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from valetkey.administration.allowed_groups import warn_of_lockout
from valetkey.administration.client_record import LIST_COLUMNS, client_record, client_with_rules
from valetkey.administration.clients import (
    change_client,
    delete_client,
    disable_client,
    enable_client,
    get_client,
    list_clients,
    prepare_client,
    register_client,
)
from valetkey.administration.installation import Installation
from valetkey.administration.ownership import require_unowned
from valetkey.cli.client_options import EMPTY_VALUES, client_field_options, given_fields
from valetkey.cli.commands import client_apply, client_rotate_secret
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import secret_path
from valetkey.core.client.client import Client
from valetkey.core.client.registration import registration_notices

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
@with_installation
async def create(
    installation: Installation, /, client_id: str | None, secret_file: Path | None, output: Output, **fields: object
) -> None:
    """Register a client.

    A confidential client gets a secret of 256 bits, which is shown once. CLIENT_ID is made up unless given.
    """
    new = await prepare_client(installation, client_id, given_fields(fields))
    if new.secret is None and secret_file is not None:
        raise click.UsageError("A public client has no secret: drop --secret-file.")
    handing = (
        nullcontext(dict[str, object]())
        if new.secret is None
        else handed_over("client_secret", new.secret, secret_file)
    )
    with handing as handed:
        record = await register_client(installation, new)
    say(*registration_notices(record.client))
    output.one(client_with_rules(record, record.created_at, installation.settings.installation_rules) | handed)
    await _warn(installation, record.client)
    if "client_secret" in handed:
        say("The secret is shown this once; `valetkey client rotate-secret` makes another.")


@command.command("get", epilog=example("valetkey client get web -o json"))
@click.argument("client_id")
@output_option
@with_installation
async def get(installation: Installation, client_id: str, output: Output) -> None:
    """Show a client, and which rules it is held to and why."""
    await _show(installation, client_id, output)


@command.command("list", epilog=example("valetkey client list", "valetkey client list --owner platform -o json"))
@click.option("--owner", help="Only those that `client apply --owner` owns under this name.")
@output_option
@with_installation
async def list_(installation: Installation, owner: str | None, output: Output) -> None:
    """List every client."""
    records = await list_clients(installation)
    now = installation.clock()
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
@with_installation
async def update(
    installation: Installation,
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
    record = await get_client(installation, client_id)
    require_unowned(client_id, record.managed_by, force=force)
    given = given_fields(fields)
    if both := sorted(given.keys() & set(cleared)):
        raise click.UsageError(f"Both given and cleared: {', '.join(both)}.")
    await change_client(installation, record, given | {name: EMPTY_VALUES[name] for name in cleared})
    say(*registration_notices((await get_client(installation, client_id)).client))
    if enabled is False:
        # Even where it is disabled already: Redis may have been away the first time.
        async with installation.revoking() as publish:
            await disable_client(installation, client_id, publish)
    if enabled and not record.client.enabled:
        await enable_client(installation, client_id)
    await _show(installation, client_id, output)


@command.command("delete", epilog=example("valetkey client delete web --yes"))
@click.argument("client_id")
@_force_option
@yes_option
@with_installation
async def delete(installation: Installation, client_id: str, *, force: bool, yes: bool) -> None:
    """Delete a client. Its secrets, consents and grants go too, and its tokens are refused."""
    record = await get_client(installation, client_id)
    require_unowned(client_id, record.managed_by, force=force)
    confirm(f"Delete the client {client_id} ({record.client.client_name}) and end everything it was given?", yes=yes)
    async with installation.revoking() as publish:
        await delete_client(installation, client_id, publish)
    say(f"The client {client_id} is gone.")


async def _show(installation: Installation, client_id: str, output: Output) -> None:
    record = await get_client(installation, client_id)
    output.one(client_with_rules(record, installation.clock(), installation.settings.installation_rules))
    await _warn(installation, record.client)


async def _warn(installation: Installation, client: Client) -> None:
    if (warning := await warn_of_lockout(installation.database, client)) is not None:
        say(warning)
