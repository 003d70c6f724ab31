"""The secrets of a client: at most two count at a time, so that one can be exchanged while services run."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

_LOCK = Statement("client_secrets.lock", "SELECT uid FROM clients WHERE uid = $1 FOR UPDATE")
_ADD = Statement(
    "client_secrets.add",
    "INSERT INTO client_secrets (id, client_uid, digest, created_at) VALUES ($1, $2, $3, $4)",
)
# Only the newest of the old ones is kept, and no longer than it was to be kept anyway.
_EXPIRE = Statement(
    "client_secrets.expire",
    """
    WITH kept AS (
        SELECT id FROM client_secrets WHERE client_uid = $1 AND (expires_at IS NULL OR expires_at > $2)
        ORDER BY created_at DESC, id LIMIT 1
    ), deleted AS (
        DELETE FROM client_secrets WHERE client_uid = $1 AND ($3 <= $2 OR id NOT IN (SELECT id FROM kept))
    )
    UPDATE client_secrets SET expires_at = least(expires_at, $3) WHERE id IN (SELECT id FROM kept) AND $3 > $2
    """,
)


class ClientSecrets:
    """Exchanges secrets. Stores digests only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rotate(self, client_uid: UUID, digest: bytes, now: datetime, keep_until: datetime) -> bool:
        """Add a secret and let the newest old one count until ``keep_until``, not at all if that has come.

        ``digest`` is ``core.client_authentication.secret_digest`` of the new secret. False if there is no such client.
        """
        async with self._database.transaction("client_secrets.rotate") as transaction:
            if await transaction.fetch_row(_LOCK, client_uid) is None:
                return False
            await transaction.execute(_EXPIRE, client_uid, now, keep_until)
            await transaction.execute(_ADD, uuid4(), client_uid, digest, now)
            return True
