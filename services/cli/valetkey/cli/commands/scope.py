"""``valetkey scope``: what may be asked for, in words for the consent page."""

from __future__ import annotations

from collections.abc import Callable

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
_Command = Callable[..., object]


def _translations(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Descriptions by language tag."""
    translations = dict[str, str]()
    for value in values:
        tag, separator, text = value.partition("=")
        if not separator or not tag:
            raise click.BadParameter(f"{value!r} is not LANGUAGE=TEXT", param=parameter)
        translations[tag] = text
    return translations


def _translation_option(help_text: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--translation", "translations", metavar="LANGUAGE=TEXT", multiple=True, callback=_translations, help=help_text
    )


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
@_translation_option("The description in another language; may be given several times.")
@click.option("--resource", metavar="URI", help="Resource server it belongs to; about the user unless given.")
@output_option
@with_installation
async def create(
    installation: Installation,
    name: str,
    description: str,
    resource: str | None,
    translations: dict[str, str],
    output: Output,
) -> None:
    """Register a scope."""
    scope = RegisteredScope(name, description, resource, translations)
    await create_scope(installation, scope)
    output.one(_record(scope))


@command.command(
    "update",
    epilog=example(
        'valetkey scope update reports:read --description "Read your reports and charts"',
        'valetkey scope update reports:read --translation "de=Ihre Berichte lesen"',
        "valetkey scope update reports:read --resource https://api.example",
    ),
)
@click.argument("name")
@click.option("--description", help="What the consent page says.")
@_translation_option("The same in another language, or no more if TEXT is empty; may be given several times.")
@click.option("--resource", metavar="URI", help="Resource server it belongs to from now on.")
@click.option("--remove-resource", is_flag=True, help="It belongs to no resource server any more.")
@output_option
@with_installation
async def update(
    installation: Installation,
    name: str,
    description: str | None,
    resource: str | None,
    translations: dict[str, str],
    output: Output,
    *,
    remove_resource: bool,
) -> None:
    """Change a scope. Its name stays: clients ask for it. Consents that were given with the old words go on."""
    if resource is not None and remove_resource:
        raise click.UsageError("Give --resource or --remove-resource, not both.")
    if description is None and resource is None and not (translations or remove_resource):
        raise click.UsageError("Give --description, --translation, --resource or --remove-resource.")
    asked = "" if remove_resource else resource
    changed = await update_scope(installation, name, description=description, resource=asked, translations=translations)
    output.one(_record(changed))


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
    return {
        "name": scope.name,
        "description": scope.description,
        "translations": dict(scope.translations),
        "resource": scope.resource,
    }
