"""Which groups a client allows: they exist, and a user is in one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from valetkey.storage.postgres.tables.groups import Groups

if TYPE_CHECKING:
    from valetkey.core.client.client import Client
    from valetkey.storage.postgres.database.statement import Executor


def unknown_group_problems(client: Client, known: Collection[str]) -> list[str]:
    """Groups that a client allows and that do not exist: making them later would decide who gets in."""
    return [
        f"allowed_groups: there is no group {name}; make it first"
        for name in sorted(client.allowed_groups - set(known))
    ]


def lockout_warning(client: Client, inhabited: Collection[str]) -> str | None:
    """What to say where no user can use the client; ``inhabited`` are the groups in which there is a user."""
    if not client.allowed_groups or not client.allowed_groups.isdisjoint(inhabited):
        return None
    groups = ", ".join(sorted(client.allowed_groups))
    return (
        f"No user can sign in to {client.client_id}: it allows {groups} alone, and no enabled user is in them; "
        "`valetkey group add` puts one in."
    )


def clients_that_allow(name: str, clients: Iterable[Client]) -> list[str]:
    """The clients that allow a group, by ``client_id``."""
    return [client.client_id for client in clients if name in client.allowed_groups]


async def unknown_groups(database: Executor, client: Client) -> list[str]:
    """``unknown_group_problems`` by what is stored now."""
    if not client.allowed_groups:
        return []
    found = await Groups(database).list(client.allowed_groups)
    return unknown_group_problems(client, [record.group.name for record in found])


async def warn_of_lockout(database: Executor, client: Client) -> str | None:
    """``lockout_warning`` by what is stored now."""
    if not client.allowed_groups:
        return None
    return lockout_warning(client, await Groups(database).inhabited(client.allowed_groups))
