"""Groups of users: what is said of them, who is in them, and which group is in which other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.administration.allowed_groups import clients_that_allow
from valetkey.administration.audit import record
from valetkey.administration.errors import NotFound, Refused
from valetkey.core.authentication.group import Group, group_problems
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.groups import GroupRecord, Groups, Member

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation
    from valetkey.core.authentication.user import User


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """Users and groups that come into a group, or leave it."""

    users: Collection[User] = ()
    groups: Collection[str] = ()


async def list_groups(installation: Installation) -> list[GroupRecord]:
    """Every group."""
    return list(await Groups(installation.database).list())


async def get_group(installation: Installation, name: str) -> GroupRecord:
    """The group. Raises ``NotFound``."""
    return await _get(Groups(installation.database), name)


async def list_members(installation: Installation, name: str) -> Sequence[Member]:
    """Who is in a group directly."""
    return (await Groups(installation.database).members([name])).get(name, ())


async def create_group(installation: Installation, group: Group) -> None:
    """Add a group without members. Raises ``Refused`` with every problem, ``storage`` ``Conflict`` for a taken name."""
    if problems := group_problems(group):
        raise Refused(f"The group {group.name} cannot be made like this:", *problems)
    with installation.audited("group.created", group=group.name):
        await Groups(installation.database).create([group], installation.clock())


async def update_group(installation: Installation, found: GroupRecord, group: Group) -> None:
    """Store what is said of a group. Raises ``Refused`` with every problem, and ``NotFound``."""
    if problems := group_problems(group):
        raise Refused(f"The group {group.name} cannot be like this:", *problems)
    with installation.audited("group.updated", group=group.name):
        if not await Groups(installation.database).update([group], installation.clock(), found.managed_by):
            raise NotFound("group", group.name)


async def add_to_group(installation: Installation, name: str, change: MembershipChange) -> None:
    """Put users and groups into a group: all of them, or none. It shows in the next token of each.

    Raises ``Refused`` for a cycle, for groups too deep within each other, and for a user who would be in too many.
    """
    for inner in change.groups:
        await get_group(installation, inner)
    async with _changing(installation, change) as groups:
        await _get(groups, name)
        await groups.add_members({name: [user.subject for user in change.users]})
        await groups.add_groups({name: change.groups})
    _record(installation, "group.member_added", name, change)


async def remove_from_group(installation: Installation, name: str, change: MembershipChange) -> None:
    """Take users and groups out of a group; those who are not in it stay out. It shows in the next token of each."""
    async with _changing(installation, change) as groups:
        await _get(groups, name)
        await groups.remove_members({name: [user.subject for user in change.users]})
        await groups.remove_groups({name: change.groups})
    _record(installation, "group.member_removed", name, change)


async def delete_group(installation: Installation, name: str) -> None:
    """Forget a group and who is in it. Raises ``NotFound``, and ``Refused`` while a client allows it.

    Without it no user could use such a client. Taken from the client's list as the last one, it would let every user
    in.
    """
    with installation.audited("group.deleted", group=name):
        async with installation.database.transaction("groups.delete") as transaction:
            groups = Groups(transaction)
            await groups.lock()
            await _get(groups, name)
            clients = [record.client for record in await Clients(transaction).list()]
            if users := clients_that_allow(name, clients):
                raise Refused(f"The group {name} decides who may use {', '.join(users)}: change allowed_groups first.")
            await groups.delete([name])


def group_record(group: GroupRecord) -> dict[str, object]:
    """A group as commands print it."""
    return {
        "name": group.group.name,
        "display_name": group.group.display_name,
        "description": group.group.description,
        "required_acr": group.group.required_acr,
        "member_count": group.member_count,
        "member_groups": group.member_groups,
        "managed_by": group.managed_by,
        "created_at": group.created_at,
        "updated_at": group.updated_at,
    }


@asynccontextmanager
async def _changing(installation: Installation, change: MembershipChange) -> AsyncIterator[Groups]:
    """Groups that no other transaction changes; whatever would be wrong with them at the end undoes the whole."""
    async with installation.database.transaction("groups.change") as transaction:
        groups = Groups(transaction)
        await groups.lock()
        yield groups
        # Where a group comes into another, it may be too much for anybody in it.
        subjects = None if change.groups else [user.subject for user in change.users]
        if problems := await groups.problems(subjects):
            raise Refused(*problems)


async def _get(groups: Groups, name: str) -> GroupRecord:
    found = await groups.list([name])
    if not found:
        raise NotFound("group", name)
    return found[0]


def _record(installation: Installation, event: str, name: str, change: MembershipChange) -> None:
    for user in change.users:
        record(event, installation.actor, group=name, subject=str(user.subject))
    for inner in change.groups:
        record(event, installation.actor, group=name, inner_group=inner)
