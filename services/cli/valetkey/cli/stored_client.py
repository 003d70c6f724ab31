"""Clients by the name that an operator types."""

from __future__ import annotations

from valetkey.cli.failure import Conflict, NotFound
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.clients import ClientRecord, Clients


async def get_client(database: Executor, client_id: str) -> ClientRecord:
    """The client; ``NotFound`` if there is none."""
    record = await Clients(database).find_record(client_id)
    if record is None:
        raise NotFound(f"There is no client {client_id}; `valetkey client list` lists them.")
    return record


def require_unowned(record: ClientRecord, *, force: bool) -> None:
    """Raise ``Conflict`` where a file that was applied owns the client: the next time would undo a change by hand."""
    if record.managed_by is not None and not force:
        raise Conflict(
            f"{record.client.client_id} is owned by {record.managed_by}, whose next `valetkey client apply` would undo "
            "this. Change its file, or insist with --force."
        )
