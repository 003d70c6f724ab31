"""Links that stand for a user. A token is its row: using it deletes it."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.statement import Executor, Statement

# Nothing is stored for a user who has ended since it was asked for. What has expired is swept along.
_PUT = Statement(
    "account_tokens.put",
    """
    WITH swept AS (
        DELETE FROM account_tokens WHERE digest IN (
            SELECT digest FROM account_tokens WHERE expires_at <= $6 ORDER BY expires_at LIMIT 10
            FOR UPDATE SKIP LOCKED
        )
    ), resource_owner AS MATERIALIZED (
        SELECT subject, users.epoch AS user_epoch, installation.epoch AS installation_epoch FROM users, installation
        WHERE subject = $3 AND enabled AND users.epoch = $4 AND installation.id = 1 AND installation.epoch = $5
        FOR SHARE OF users
    ), crowded_out AS (
        DELETE FROM account_tokens WHERE digest IN (
            SELECT digest FROM account_tokens WHERE subject = $3 AND purpose = $2
            ORDER BY created_at DESC OFFSET $8::integer - 1
        )
    )
    INSERT INTO account_tokens (digest, purpose, subject, user_epoch, installation_epoch, created_at, expires_at)
    SELECT $1::bytea, $2::text, subject, user_epoch, installation_epoch, $6::timestamptz, $7::timestamptz
    FROM resource_owner RETURNING subject
    """,
)
_COUNTS = """
    t.digest = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.subject = t.subject AND u.enabled
    AND u.epoch = t.user_epoch AND i.id = 1 AND i.epoch = t.installation_epoch
"""
_FOUND = "SELECT t.subject FROM account_tokens AS t, users AS u, installation AS i WHERE"
_FIND = Statement("account_tokens.find", f"{_FOUND} {_COUNTS}")
_USED = "DELETE FROM account_tokens AS t USING users AS u, installation AS i WHERE"
_USE = Statement("account_tokens.use", f"{_USED} {_COUNTS} RETURNING t.subject")
MOST = 5
"""How many of one purpose a user has: the one made longest ago makes room."""


class AccountTokens:
    """Tokens by their digests."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def put(self, digest: bytes, purpose: TokenPurpose, user: User, now: datetime, expires_at: datetime) -> bool:
        """Store one for this user; False where the user has ended since ``user`` was read."""
        row = await self._database.fetch_row(
            _PUT, digest, purpose, user.subject, user.epoch, user.installation_epoch, now, expires_at, MOST
        )
        return row is not None

    async def find(self, digest: bytes, purpose: TokenPurpose, now: datetime) -> UUID | None:
        """Whose it is, None for one that counts no longer. Uses nothing up."""
        row = await self._database.fetch_row(_FIND, digest, purpose, now)
        return None if row is None else cast("UUID", row["subject"])

    async def use(self, digest: bytes, purpose: TokenPurpose, now: datetime) -> UUID | None:
        """The same, for exactly one caller, ever."""
        row = await self._database.fetch_row(_USE, digest, purpose, now)
        return None if row is None else cast("UUID", row["subject"])
