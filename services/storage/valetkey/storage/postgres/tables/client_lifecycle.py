"""Disabling and deleting clients, with everything that ends with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.revocation_lifetime import EPOCH_LIFETIME, IN_FLIGHT
from valetkey.storage.postgres.tables.rows import floor_to_millisecond, revocation_from

_DISABLE = Statement(
    "clients.disable",
    """
    UPDATE clients SET enabled = FALSE, epoch = epoch + 1, updated_at = greatest(updated_at, $2),
        valid_since = greatest(valid_since, $2)
    WHERE client_id = $1 RETURNING uid, epoch
    """,
)
_ENABLE = Statement(
    "clients.enable",
    "UPDATE clients SET enabled = TRUE, updated_at = greatest(updated_at, $2) WHERE client_id = $1 RETURNING uid",
)
_DELETE = Statement("clients.delete", "DELETE FROM clients WHERE uid = $1")
# The epoch ends whatever the client was given, so that no grant is touched: a client may have millions.
_END = Statement(
    "clients.end",
    """
    INSERT INTO revocations AS r (kind, target, revoked_at, expires_at, epoch) VALUES ('client', $1, $2, $3, $4)
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(r.revoked_at + interval '1 millisecond', excluded.revoked_at),
        expires_at = greatest(r.expires_at, excluded.expires_at), epoch = greatest(r.epoch, excluded.epoch)
    RETURNING kind, target, revoked_at, expires_at, epoch
    """,
)
# Enabling revokes the grants that have ended, for releases that know no epochs, and deleting deletes them.
_TIMEOUT = timedelta(minutes=10)


class ClientLifecycle:
    """Each is one transaction, and returns what has to be revoked in Redis too; None if there is no such client."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def disable(self, client_id: str, now: datetime) -> Sequence[Revocation] | None:
        """Refuse the client from now on, and end whatever it was given."""
        async with self._database.transaction("clients.disable") as transaction:
            row = await transaction.fetch_row(_DISABLE, client_id, now)
            return None if row is None else await _end(transaction, row["epoch"], client_id, now)

    async def enable(self, client_id: str, now: datetime) -> bool:
        """Accept the client again. What ended when it was disabled stays ended. False if there is no such client."""
        async with self._database.transaction("clients.enable", _TIMEOUT) as transaction:
            return await transaction.fetch_row(_ENABLE, client_id, now) is not None

    async def delete(self, client_id: str, now: datetime) -> Sequence[Revocation] | None:
        """Forget the client. One registered under the same ``client_id`` later inherits nothing."""
        async with self._database.transaction("clients.delete", _TIMEOUT) as transaction:
            row = await transaction.fetch_row(_DISABLE, client_id, now)
            if row is None:
                return None
            revocations = await _end(transaction, row["epoch"], client_id, now)
            await transaction.execute(_DELETE, row["uid"])
            return revocations


async def _end(transaction: Executor, epoch: int, client_id: str, now: datetime) -> list[Revocation]:
    # Tokens without an epoch are judged by time, and some may be on their way.
    moment = floor_to_millisecond(now) + IN_FLIGHT
    rows = await transaction.fetch(_END, client_id, moment, moment + EPOCH_LIFETIME, epoch)
    return [revocation_from(row) for row in rows]
