"""``valetkey attribute``: what is kept of users beside the standard claims."""

from __future__ import annotations

import click

from valetkey.administration.attributes import (
    attribute_record,
    clients_with_attribute,
    create_attribute,
    delete_attribute,
    get_attribute,
    list_attributes,
)
from valetkey.administration.installation import Installation
from valetkey.administration.ownership import require_unowned
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute

_COLUMNS = ("name", "type", "claim", "scope", "managed_by")


@click.group("attribute", epilog=example("valetkey attribute list"))
def command() -> None:
    """Declare what is kept of users beside the standard claims."""


@command.command("list", epilog=example("valetkey attribute list -o json"))
@output_option
@with_installation
async def list_(installation: Installation, output: Output) -> None:
    """List every declared attribute, the claim it is, and the scope that opens it."""
    output.many([attribute_record(record) for record in await list_attributes(installation)], _COLUMNS)


@command.command(
    "create",
    epilog=example(
        "valetkey attribute create department --scope profile",
        "valetkey attribute create cost_centers --type strings --claim https://acme.example/cost_centers --scope acme",
    ),
)
@click.argument("name")
@click.option(
    "--type",
    "type_",
    type=click.Choice([each.value for each in AttributeType]),
    default=AttributeType.STRING.value,
    show_default=True,
    help="What its values are.",
)
@click.option("--claim", help="What clients see; the name unless given.")
@click.option("--scope", required=True, help="Scope that opens it; registered, and about the user.")
@output_option
@with_installation
async def create(
    installation: Installation, name: str, type_: str, claim: str | None, scope: str, output: Output
) -> None:
    """Declare an attribute. `valetkey user update --claim` then sets it."""
    await create_attribute(
        installation, UserAttribute(name, AttributeType(type_), name if claim is None else claim, scope)
    )
    output.one(attribute_record(await get_attribute(installation, name)))


@command.command("delete", epilog=example("valetkey attribute delete department --yes"))
@click.argument("name")
@click.option("--force", is_flag=True, help="Delete it although an applied file owns it.")
@yes_option
@with_installation
async def delete(installation: Installation, name: str, *, force: bool, yes: bool) -> None:
    """Forget an attribute, and the values that users have. Clients are not told of them any more."""
    record = await get_attribute(installation, name)
    require_unowned(name, record.managed_by, force=force)
    clients = ", ".join(await clients_with_attribute(installation, record.attribute)) or "none"
    confirm(f"Delete the attribute {name} with its values, which claim policies use of: {clients}?", yes=yes)
    await delete_attribute(installation, name)
    say(f"The attribute {name} is gone.")
