"""Changes to users after which nothing from before may count: password, disabling, deletion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.account_tokens import use_link
from valetkey.storage.postgres.tables.revocation_lifetime import EPOCH_LIFETIME, IN_FLIGHT, REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.rows import floor_to_millisecond, revocation_from

# The epoch is what counts. `valid_since` moves with it for release 0.1.0, which compares times.
_SET_PASSWORD = Statement(
    "users.set_password",
    """
    UPDATE users SET password_hash = $3, epoch = epoch + 1, updated_at = greatest(updated_at, $2),
        valid_since = greatest(valid_since + interval '1 microsecond', $2)
    WHERE subject = $1 RETURNING subject, epoch, valid_since
    """,
)
_DISABLE = Statement(
    "users.disable",
    """
    UPDATE users SET enabled = FALSE, epoch = epoch + 1, updated_at = greatest(updated_at, $2),
        valid_since = greatest(valid_since + interval '1 microsecond', $2)
    WHERE subject = $1 RETURNING subject, epoch, valid_since
    """,
)
_ENABLE = Statement(
    "users.enable",
    """
    UPDATE users SET enabled = TRUE, epoch = epoch + 1, updated_at = greatest(updated_at, $2),
        valid_since = greatest(valid_since + interval '1 microsecond', $2)
    WHERE subject = $1 AND NOT enabled
    """,
)
_DELETE = Statement("users.delete", "DELETE FROM users WHERE subject = $1")
_END_SESSIONS = Statement("users.end_sessions", "DELETE FROM sessions WHERE subject = $1")
# The epoch ends whatever a user has granted, so that hardly a grant is touched: a user may have millions. Release 0.1.0
# sees the end by the time of the login, and those by name whose login has the time of a clock that is ahead.
_END_AUTHORIZATIONS = Statement(
    "users.end_authorizations",
    """
    WITH ended AS (
        UPDATE authorizations SET revoked_at = $2 WHERE subject = $1 AND revoked_at IS NULL AND auth_time >= $4
        RETURNING id
    )
    INSERT INTO revocations AS r (kind, target, revoked_at, expires_at, epoch)
    SELECT 'authorization', id::text, $2::timestamptz, $3::timestamptz, NULL::bigint FROM ended
    UNION ALL SELECT 'subject', $1::uuid::text, $7::timestamptz, $5::timestamptz, $6::bigint
    ORDER BY 1, 2
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(r.revoked_at + interval '1 millisecond', excluded.revoked_at),
        expires_at = greatest(r.expires_at, excluded.expires_at), epoch = greatest(r.epoch, excluded.epoch)
    RETURNING kind, target, revoked_at, expires_at, epoch
    """,
)


# Deleting a user deletes the grants.
_TIMEOUT = timedelta(minutes=10)


class UserLifecycle:
    """Each is one transaction, and returns what has to be revoked in Redis too; None if there is no such user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_password(self, subject: UUID, password_hash: str, now: datetime) -> Sequence[Revocation] | None:
        """Give the user another password, as an argon2id hash, and end every session and grant."""
        async with self._database.transaction("users.set_password") as transaction:
            row = await transaction.fetch_row(_SET_PASSWORD, subject, now, password_hash)
            return await end_user(transaction, row, now)

    async def reset_password(self, digest: bytes, password_hash: str, now: datetime) -> Sequence[Revocation] | None:
        """Use up a link to a new password and set it, as ``set_password`` does: both or neither.

        None for a link that counts no longer.
        """
        async with self._database.transaction("users.reset_password") as transaction:
            link = await use_link(transaction, digest, TokenPurpose.PASSWORD_RESET, now)
            if link is None:
                return None
            row = await transaction.fetch_row(_SET_PASSWORD, link["subject"], now, password_hash)
            return await end_user(transaction, row, now)

    async def disable(self, subject: UUID, now: datetime) -> Sequence[Revocation] | None:
        """Refuse the user from now on, and end every session and grant."""
        async with self._database.transaction("users.disable") as transaction:
            return await end_user(transaction, await transaction.fetch_row(_DISABLE, subject, now), now)

    async def enable(self, subject: UUID, now: datetime) -> None:
        """Accept the user again. What was authenticated before stays ended."""
        await self._database.execute(_ENABLE, subject, now)

    async def delete(self, subject: UUID, now: datetime) -> Sequence[Revocation] | None:
        """Forget the user. ``subject`` is never given to another."""
        async with self._database.transaction("users.delete", _TIMEOUT) as transaction:
            revocations = await end_user(transaction, await transaction.fetch_row(_DISABLE, subject, now), now)
            await transaction.execute(_DELETE, subject)
            return revocations


async def end_user(transaction: Executor, user: Record | None, now: datetime) -> list[Revocation] | None:
    """End the sessions and grants of a user whose epoch was just raised: ``subject``, ``epoch`` and ``valid_since``."""
    if user is None:
        return None
    subject, moment = user["subject"], floor_to_millisecond(now)
    # Tokens without an epoch are judged by time, and some may be on their way.
    until = moment + IN_FLIGHT
    await transaction.execute(_END_SESSIONS, subject)
    rows = await transaction.fetch(
        *(_END_AUTHORIZATIONS, subject, moment, moment + REVOCATION_LIFETIME, user["valid_since"]),
        *(until + EPOCH_LIFETIME, user["epoch"], until),
    )
    return [revocation_from(row) for row in rows]
