"""``valetkey scope``: what may be asked for, in words for the consent page."""

from __future__ import annotations

import click

from valetkey.cli.failure import Conflict, Failure, NotFound
from valetkey.cli.operator_audit import audited
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.scope_registration import scope_problems
from valetkey.cli.store import Stores, with_stores
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.scope import USER_SCOPES
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients

_COLUMNS = ("name", "description", "resource")


@click.group("scope", epilog=example("valetkey scope list"))
def command() -> None:
    """Register the scopes that clients may ask for."""


@command.command("list", epilog=example("valetkey scope list -o json"))
@output_option
@with_stores
async def list_(stores: Stores, output: Output) -> None:
    """List every scope, its description and the resource server it belongs to."""
    catalog = await CatalogStore(stores.database).get()
    output.many([_record(scope) for scope in catalog.scopes.values()], _COLUMNS)


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
@with_stores
async def create(stores: Stores, name: str, description: str, resource: str | None, output: Output) -> None:
    """Register a scope."""
    scope = RegisteredScope(name, description, resource)
    if problems := scope_problems(scope):
        raise Failure(*problems)
    catalog = CatalogStore(stores.database)
    if name in (await catalog.get()).scopes:
        raise Conflict(f"The scope {name} is already registered; `valetkey client apply` can change it.")
    with audited("scope.created", scope=name):
        await catalog.put_scope(scope)
    output.one(_record(scope))


@command.command("delete", epilog=example("valetkey scope delete reports:read --yes"))
@click.argument("name")
@yes_option
@with_stores
async def delete(stores: Stores, name: str, *, yes: bool) -> None:
    """Unregister a scope. Nobody can ask for it any more; tokens that have it keep it until they expire."""
    if name in USER_SCOPES:
        raise Failure(f"{name} is part of OpenID Connect and stays.")
    catalog = CatalogStore(stores.database)
    if name not in (await catalog.get()).scopes:
        raise NotFound(f"There is no scope {name}; `valetkey scope list` lists them.")
    users = [record.client.client_id for record in await Clients(stores.database).list() if name in record.client.scope]
    confirm(f"Delete the scope {name}, which {len(users)} client(s) have ({', '.join(users) or 'none'})?", yes=yes)
    with audited("scope.deleted", scope=name):
        await catalog.delete_scope(name)
    say(f"The scope {name} is gone.")


def _record(scope: RegisteredScope) -> dict[str, object]:
    return {"name": scope.name, "description": scope.description, "resource": scope.resource}
