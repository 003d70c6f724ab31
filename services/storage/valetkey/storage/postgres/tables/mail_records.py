"""The outbox as an operator sees it: never what a mail says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from asyncpg import Record

from valetkey.storage.postgres.database.statement import Executor, Statement

State = Literal["queued", "sent", "failed"]

_LIST = Statement(
    "mail_records.list",
    """
    SELECT id, kind, recipient, subject, state, attempts, last_error, created_at, due_at, expires_at, finished_at,
        lease IS NOT NULL AND due_at > database_clock() AS is_leased
    FROM mail_outbox
    WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR lower(recipient) = lower($2))
    ORDER BY created_at DESC, id LIMIT $3
    """,
)
_RETRY = Statement(
    "mail_records.retry",
    """
    UPDATE mail_outbox SET state = 'queued', due_at = database_clock(), finished_at = NULL
    WHERE id = ANY (
        SELECT id FROM mail_outbox
        WHERE ($1::uuid[] IS NULL OR id = ANY ($1)) AND expires_at > database_clock()
            AND (state = 'failed' OR (state = 'queued' AND (lease IS NULL OR due_at <= database_clock())))
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
    """,
)


@dataclass(frozen=True, slots=True)
class MailRecord:
    """A mail, without what it says. Times are UTC. ``is_leased``: a worker has it at the moment."""

    mail_id: UUID
    kind: str
    recipient: str
    subject: UUID | None
    state: State
    attempts: int
    last_error: str | None
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    is_leased: bool


class MailRecords:
    """What has been sent, what waits, what has failed."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def list(
        self, *, state: State | None = None, recipient: str | None = None, most: int = 100
    ) -> Sequence[MailRecord]:
        """The newest first."""
        return [_record_from(row) for row in await self._database.fetch(_LIST, state, recipient, most)]

    async def retry(self, mail_ids: Sequence[UUID] | None) -> Sequence[UUID]:
        """Have these, or all, tried at once: those that have failed or wait, unless expired or with a worker."""
        rows = await self._database.fetch(_RETRY, mail_ids)
        return [row["id"] for row in rows]


def _record_from(row: Record) -> MailRecord:
    return MailRecord(
        mail_id=row["id"],
        kind=row["kind"],
        recipient=row["recipient"],
        subject=row["subject"],
        state=row["state"],
        attempts=row["attempts"],
        last_error=row["last_error"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        finished_at=row["finished_at"],
        is_leased=row["is_leased"],
    )
