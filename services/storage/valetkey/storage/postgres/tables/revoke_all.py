"""Ends every session, code, grant and token, as after a restore that lost the latest revocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from valetkey.core.oauth.revocation import Revocation, everything_target
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.revocation_lifetime import EPOCH_LIFETIME, IN_FLIGHT, REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.rows import floor_to_millisecond, revocation_from

# Seconds since 1970 rather than one more: after a restore the number must be one that was never there before.
_RAISE_EPOCH = Statement(
    "everything.raise_epoch",
    """
    UPDATE installation SET epoch = greatest(epoch + 1, extract(epoch FROM clock_timestamp())::bigint) RETURNING epoch
    """,
)
# What follows ends the same once more for release 0.1.0, which knows no epochs, and frees what is of no use any more.
# Locked in the order that every transaction keeps: clients, users, sessions, consents, authorizations, revocations.
_LOCK_CLIENTS = Statement("everything.lock_clients", "SELECT uid FROM clients ORDER BY uid FOR UPDATE")
_END_CODES = Statement("everything.end_codes", "UPDATE clients SET valid_since = greatest(valid_since, $1)")
_LOCK_USERS = Statement("everything.lock_users", "SELECT subject FROM users ORDER BY subject FOR UPDATE")
_END_LOGINS = Statement(
    "everything.end_logins",
    "UPDATE users SET valid_since = greatest(valid_since + interval '1 microsecond', $1)",
)
_END_SESSIONS = Statement(
    "everything.end_sessions",
    "WITH ended AS (DELETE FROM sessions RETURNING 1) SELECT count(*) AS number FROM ended",
)
_WITHDRAW_CONSENTS = Statement(
    "everything.withdraw_consents",
    """
    WITH withdrawn AS (
        UPDATE consents
        SET scope = '{}', resources = '{}', claims = '{}', is_given = FALSE, epoch = epoch + 1, updated_at = $1,
            withdrawn_at = $1
        WHERE is_given RETURNING 1
    )
    SELECT count(*) AS number FROM withdrawn
    """,
)
_END_AUTHORIZATIONS = Statement(
    "everything.end_authorizations",
    """
    WITH ended AS (
        UPDATE authorizations SET revoked_at = $1 WHERE revoked_at IS NULL RETURNING 1
    )
    SELECT count(*) AS number FROM ended
    """,
)
_RECORD = Statement(
    "everything.record",
    """
    INSERT INTO revocations AS r (kind, target, revoked_at, expires_at, epoch)
    SELECT 'authorization', id::text, $1::timestamptz, $2::timestamptz, NULL::bigint
    FROM authorizations WHERE rotated_at > $3
    UNION ALL SELECT $4, $5, $1, $6::timestamptz, $7::bigint
    ORDER BY 1, 2
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(r.revoked_at + interval '1 millisecond', excluded.revoked_at),
        expires_at = greatest(r.expires_at, excluded.expires_at), epoch = greatest(r.epoch, excluded.epoch)
    RETURNING kind, target, revoked_at, expires_at, epoch
    """,
)
# There may be millions of rows.
_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many there were, and what has to be revoked in Redis too."""

    sessions: int
    authorizations: int
    consents: int
    revocations: Sequence[Revocation]


async def revoke_all(database: Database, now: datetime, *, consents: bool = False) -> Ended:
    """End every session, login, code, grant and token from before ``now``; ``consents`` are withdrawn if asked.

    One transaction. Clients, users and their credentials stay as they are.
    """
    moment = floor_to_millisecond(now)
    async with database.transaction("everything.end", _TIMEOUT) as transaction:
        raised = await transaction.fetch_row(_RAISE_EPOCH)
        await transaction.execute(_LOCK_CLIENTS)
        await transaction.execute(_END_CODES, now)
        await transaction.execute(_LOCK_USERS)
        await transaction.execute(_END_LOGINS, now)
        sessions = await _count(transaction, _END_SESSIONS)
        withdrawn = await _count(transaction, _WITHDRAW_CONSENTS, moment) if consents else 0
        authorizations = await _count(transaction, _END_AUTHORIZATIONS, moment)
        everything = everything_target()
        rows = await transaction.fetch(
            *(_RECORD, moment, moment + REVOCATION_LIFETIME, now - IN_FLIGHT),
            *(everything.kind.value, everything.target),
            *(moment + EPOCH_LIFETIME, raised and raised["epoch"]),
        )
    return Ended(sessions, authorizations, withdrawn, [revocation_from(row) for row in rows])


async def _count(transaction: Executor, statement: Statement, *arguments: object) -> int:
    row = await transaction.fetch_row(statement, *arguments)
    return 0 if row is None else int(row["number"])
