"""Whether pruning deletes so much that it looks like a mistake: the file is empty, lost a section, or is another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.apply.change import Change, Kind, Pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from valetkey.administration.apply.plan import Stored


def excessive_pruning(changes: Iterable[Sequence[Change]], stored: Stored, owner: str) -> tuple[Pruned, ...]:
    """Of each kind of which more than half of what ``owner`` owns goes, what goes. ``changes`` come kind by kind."""
    deleted = ([change.name for change in each if change.kind is Kind.DELETE] for each in changes)
    counts = _owned_counts(stored, owner)
    pruned = (Pruned(kind, tuple(names), owned) for names, (kind, owned) in zip(deleted, counts.items(), strict=True))
    return tuple(each for each in pruned if len(each.names) * 2 > each.owned)


def _owned_counts(stored: Stored, owner: str) -> dict[str, int]:
    """How many of each kind the owner has, in the order of ``Plan``. A scope belongs to the owner of its resource."""
    clients = [record.client for record in stored.clients.values() if record.managed_by == owner]
    resources = {client.resource for client in clients} - {None}
    return {
        "client": len(clients),
        "scope": sum(scope.resource in resources for scope in stored.catalog.scopes.values()),
        "attribute": sum(record.managed_by == owner for record in stored.attributes),
        "group": sum(record.managed_by == owner for record in stored.people.groups.values()),
        "user": sum(record.managed_by == owner for record in stored.people.users),
    }
