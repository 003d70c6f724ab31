"""``valetkey scope``: what may be asked for, in words for the consent page."""

from __future__ import annotations

import click

from valetkey.administration.installation import Installation
from valetkey.administration.scopes import (
    clients_with_scope,
    create_scope,
    delete_scope,
    list_scopes,
    update_scope,
)
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.core.oauth.resource import RegisteredScope

_COLUMNS = ("name", "description", "resource")


@click.group("scope", epilog=example("valetkey scope list"))
def command() -> None:
    """Register the scopes that clients may ask for."""


@command.command("list", epilog=example("valetkey scope list -o json"))
@output_option
@with_installation
async def list_(installation: Installation, output: Output) -> None:
    """List every scope, its description and the resource server it belongs to."""
    output.many([_record(scope) for scope in await list_scopes(installation)], _COLUMNS)


@command.command(
    "create",
    epilog=example(
        'valetkey scope create reports:read --description "Read your reports" --resource https://api.example'
    ),
)
@click.argument("name")
@click.option("--description", required=True, help="What the consent page says.")
@click.option("--resource", metavar="URI", help="Resource server it belongs to; about the user unless given.")
@output_option
@with_installation
async def create(installation: Installation, name: str, description: str, resource: str | None, output: Output) -> None:
    """Register a scope."""
    scope = RegisteredScope(name, description, resource)
    await create_scope(installation, scope)
    output.one(_record(scope))


@command.command(
    "update",
    epilog=example(
        'valetkey scope update reports:read --description "Read your reports and charts"',
        "valetkey scope update reports:read --resource https://api.example",
    ),
)
@click.argument("name")
@click.option("--description", help="What the consent page says.")
@click.option("--resource", metavar="URI", help="Resource server it belongs to from now on.")
@click.option("--remove-resource", is_flag=True, help="It belongs to no resource server any more.")
@output_option
@with_installation
async def update(
    installation: Installation,
    name: str,
    description: str | None,
    resource: str | None,
    output: Output,
    *,
    remove_resource: bool,
) -> None:
    """Change a scope. Its name stays: clients ask for it. Consents that were given with the old words go on."""
    if resource is not None and remove_resource:
        raise click.UsageError("Give --resource or --remove-resource, not both.")
    if description is None and resource is None and not remove_resource:
        raise click.UsageError("Give --description, --resource or --remove-resource.")
    asked = "" if remove_resource else resource
    output.one(_record(await update_scope(installation, name, description=description, resource=asked)))


@command.command("delete", epilog=example("valetkey scope delete reports:read --yes"))
@click.argument("name")
@yes_option
@with_installation
async def delete(installation: Installation, name: str, *, yes: bool) -> None:
    """Unregister a scope. No client can request it any more; tokens that have it keep it until they expire."""
    users = await clients_with_scope(installation, name)
    confirm(f"Delete the scope {name}, which {len(users)} client(s) have ({', '.join(users) or 'none'})?", yes=yes)
    await delete_scope(installation, name)
    say(f"The scope {name} is gone.")


def _record(scope: RegisteredScope) -> dict[str, object]:
    return {"name": scope.name, "description": scope.description, "resource": scope.resource}
