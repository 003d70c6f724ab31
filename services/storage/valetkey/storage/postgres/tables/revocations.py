"""Revocations in PostgreSQL, until every token they revoke has expired. Redis is loaded from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from valetkey.core.oauth.revocation import REVOCATION_MARGIN, Revocation, RevocationKind, RevocationTarget
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.rows import revocation_from

_RECORD = Statement(
    "revocations.record",
    """
    WITH swept AS (
        DELETE FROM revocations WHERE (kind, target) IN (
            SELECT kind, target FROM revocations
            WHERE expires_at <= (
                    SELECT least(min(moment), database_clock()) FROM unnest($3::timestamptz[]) AS moment
                ) - $5::interval
                AND (kind, target) NOT IN (
                    SELECT kind, target FROM unnest($1::text[], $2::text[]) AS given (kind, target)
                )
            ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO revocations (kind, target, revoked_at, expires_at)
    SELECT kind, target, max(revoked_at), max(expires_at)
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
        AS revoked (kind, target, revoked_at, expires_at)
    GROUP BY kind, target ORDER BY kind, target
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(revocations.revoked_at, excluded.revoked_at),
        expires_at = greatest(revocations.expires_at, excluded.expires_at)
    """,
)
_END_AUTHORIZATIONS = Statement(
    "revocations.end_authorizations",
    """
    UPDATE authorizations SET revoked_at = revoked.revoked_at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS revoked (target, revoked_at)
    WHERE id = revoked.target AND authorizations.revoked_at IS NULL
    """,
)
_FIND = Statement(
    "revocations.find",
    """
    SELECT kind, target, revoked_at, expires_at, epoch FROM revocations
    WHERE (kind, target) IN (SELECT kind, target FROM unnest($1::text[], $2::text[]) AS asked (kind, target))
    """,
)
_LIVE = Statement(
    "revocations.live",
    """
    SELECT kind, target, revoked_at, expires_at, epoch FROM revocations
    WHERE (kind, target) > ($1, $2) AND expires_at > $3
    ORDER BY kind, target LIMIT $4
    """,
)

# Takes what PostgreSQL has recorded already to where introspection looks first.
Publish = Callable[[Sequence[Revocation]], Awaitable[None]]


class RevocationRecords:
    """The PostgreSQL half of revocation: every method raises ``TemporarilyUnavailable`` while it cannot be sure."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, revocations: Sequence[Revocation]) -> None:
        """Remember all of these tokens and authorizations, or none, and end the authorizations.

        A record only ever grows. An authorization that is stored later is refused, for as long as its record lives.
        Clients, users and everything end by an epoch: see ``client_lifecycle``, ``user_lifecycle``, ``revoke_all``.
        """
        if not revocations:
            return
        ended = [
            (UUID(revocation.target.target), revocation.revoked_at)
            for revocation in revocations
            if revocation.target.kind is RevocationKind.AUTHORIZATION
        ]
        async with self._database.transaction("revocations.record") as transaction:
            # Every transaction locks authorizations before records, so there is no deadlock.
            if ended:
                await transaction.execute(_END_AUTHORIZATIONS, *zip(*ended, strict=True))
            await transaction.execute(
                _RECORD,
                [revocation.target.kind.value for revocation in revocations],
                [revocation.target.target for revocation in revocations],
                [revocation.revoked_at for revocation in revocations],
                [revocation.expires_at for revocation in revocations],
                REVOCATION_MARGIN,
            )

    async def find(self, targets: Sequence[RevocationTarget]) -> tuple[Revocation, ...]:
        """The revocations of these targets."""
        rows = await self._database.fetch(
            _FIND, [target.kind.value for target in targets], [target.target for target in targets]
        )
        return tuple(revocation_from(row) for row in rows)

    async def live(self, now: datetime, batch_size: int = 1000) -> AsyncIterator[list[Revocation]]:
        """Every revocation of a token that may still be valid, in batches, holding no connection between them."""
        kind, target = "", ""
        while rows := await self._database.fetch(_LIVE, kind, target, now - REVOCATION_MARGIN, batch_size):
            yield [revocation_from(row) for row in rows]
            kind, target = rows[-1]["kind"], rows[-1]["target"]
