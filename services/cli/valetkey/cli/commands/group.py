"""``valetkey group``: who belongs together, as clients are told in the claim ``groups``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from valetkey.administration.groups import (
    MembershipChange,
    add_to_group,
    create_group,
    delete_group,
    get_group,
    group_record,
    list_groups,
    list_members,
    remove_from_group,
    update_group,
)
from valetkey.administration.installation import Installation
from valetkey.administration.ownership import require_unowned
from valetkey.administration.users import get_user
from valetkey.cli.installation import with_installation
from valetkey.cli.option import Decorated, confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.core.authentication.acr import REQUIRABLE_ACR
from valetkey.core.authentication.group import Group

_COLUMNS = ("name", "display_name", "member_count", "member_groups", "managed_by")

_force_option = click.option("--force", is_flag=True, help="Change it although an applied file owns it.")


def _membership_options(verb: str) -> Callable[[Decorated], Decorated]:
    """The group, and the users and groups of which one ``verb``."""
    options = (
        click.argument("name"),
        click.option("--user", "users", multiple=True, metavar="USER", help=f"User who {verb}; may be repeated."),
        click.option("--group", "groups", multiple=True, metavar="NAME", help=f"Group that {verb}; may be repeated."),
        _force_option,
        output_option,
    )

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _required_acr_option(words: str, *more: str) -> Callable[[Decorated], Decorated]:
    return click.option("--required-acr", type=click.Choice([*REQUIRABLE_ACR, *more]), help=words)


@click.group("group", epilog=example("valetkey group list"))
def command() -> None:
    """Put users into groups, and groups into groups."""


@command.command(
    "create",
    epilog=example("valetkey group create ops", 'valetkey group create ops --display-name "Operations" -o json'),
)
@click.argument("name")
@click.option("--display-name", help="What people call it.")
@click.option("--description", help="What it is for.")
@_required_acr_option("How strongly its members have to sign in at least.")
@output_option
@with_installation
async def create(
    installation: Installation,
    name: str,
    display_name: str | None,
    description: str | None,
    required_acr: str | None,
    output: Output,
) -> None:
    """Create a group without members. Its name is what clients are told, and never changes."""
    await create_group(installation, Group(name, display_name, description, required_acr))
    await _show(installation, name, output)


@command.command("update", epilog=example('valetkey group update ops --description "Who is on call"'))
@click.argument("name")
@click.option("--display-name", help="What people call it; empty for none.")
@click.option("--description", help="What it is for; empty for none.")
@_required_acr_option("How strongly its members have to sign in at least; empty for as ever.", "")
@_force_option
@output_option
@with_installation
async def update(
    installation: Installation,
    name: str,
    display_name: str | None,
    description: str | None,
    required_acr: str | None,
    output: Output,
    *,
    force: bool,
) -> None:
    """Change what is said of a group."""
    found = await get_group(installation, name)
    require_unowned(name, found.managed_by, force=force)
    changed = found.group
    if display_name is not None:
        changed = replace(changed, display_name=display_name or None)
    if description is not None:
        changed = replace(changed, description=description or None)
    if required_acr is not None:
        changed = replace(changed, required_acr=required_acr or None)
    await update_group(installation, found, changed)
    await _show(installation, name, output)


@command.command("get", epilog=example("valetkey group get ops -o json"))
@click.argument("name")
@output_option
@with_installation
async def get(installation: Installation, name: str, output: Output) -> None:
    """Show a group, and who is in it directly."""
    await _show(installation, name, output)


@command.command("list", epilog=example("valetkey group list -o json"))
@output_option
@with_installation
async def list_(installation: Installation, output: Output) -> None:
    """List every group, how many users are in it directly, and the groups in it."""
    output.many([group_record(group) for group in await list_groups(installation)], _COLUMNS)


@command.command(
    "add",
    epilog=example(
        "valetkey group add ops --user ada --user grace@example.com", "valetkey group add staff --group ops"
    ),
)
@_membership_options("comes into it")
@with_installation
async def add(
    installation: Installation,
    name: str,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    output: Output,
    *,
    force: bool,
) -> None:
    """Put users and groups into a group. Clients are told with the next token, without a new login."""
    require_unowned(name, (await get_group(installation, name)).managed_by, force=force)
    await add_to_group(installation, name, await _change(installation, users, groups))
    await _show(installation, name, output)


@command.command(
    "remove", epilog=example("valetkey group remove ops --user ada", "valetkey group remove staff --group ops")
)
@_membership_options("leaves it")
@with_installation
async def remove(
    installation: Installation,
    name: str,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    output: Output,
    *,
    force: bool,
) -> None:
    """Take users and groups out of a group. The next token does not say it any more."""
    require_unowned(name, (await get_group(installation, name)).managed_by, force=force)
    await remove_from_group(installation, name, await _change(installation, users, groups))
    await _show(installation, name, output)


@command.command("delete", epilog=example("valetkey group delete ops --yes"))
@click.argument("name")
@_force_option
@yes_option
@with_installation
async def delete(installation: Installation, name: str, *, force: bool, yes: bool) -> None:
    """Delete a group. Its members stay, and are in it no longer."""
    found = await get_group(installation, name)
    require_unowned(name, found.managed_by, force=force)
    confirm(f"Delete the group {name}, in which {found.member_count} user(s) are directly?", yes=yes)
    await delete_group(installation, name)
    say(f"The group {name} is gone.")


async def _change(installation: Installation, users: tuple[str, ...], groups: tuple[str, ...]) -> MembershipChange:
    if not users and not groups:
        raise click.UsageError("Name a user with --user, or a group with --group.")
    found = [await get_user(installation, user) for user in users]
    return MembershipChange({user.subject: user for user in found}.values(), dict.fromkeys(groups))


async def _show(installation: Installation, name: str, output: Output) -> None:
    group = await get_group(installation, name)
    members = [member.username for member in await list_members(installation, name)]
    output.one(group_record(group) | {"members": members})
