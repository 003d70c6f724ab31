"""The outbox, from the side that sends: each mail is leased to one worker at a time, and finished by that one only.

Every moment is PostgreSQL's, so that no clock of a worker decides who has a mail.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from valetkey.storage.postgres.database.statement import Executor, Statement

# A mail whose lease has run out is due again: its worker is gone. `attempts` counts what may have reached the server.
_CLAIM = Statement(
    "mail_queue.claim",
    """
    UPDATE mail_outbox
    SET lease = $1, due_at = database_clock() + $2::interval, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM mail_outbox
        WHERE state = 'queued' AND due_at <= database_clock() AND kind = ANY ($3::text[])
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, recipient, subject, sealed, attempts, created_at, expires_at <= database_clock() AS is_expired,
        expires_at - database_clock() AS remaining
    """,
)
_EXTEND = Statement(
    "mail_queue.extend",
    """
    UPDATE mail_outbox SET due_at = database_clock() + $3::interval
    WHERE id = $1 AND lease = $2 AND state = 'queued' RETURNING id
    """,
)
_FINISH = Statement(
    "mail_queue.finish",
    """
    UPDATE mail_outbox
    SET state = $3, last_error = $4, lease = NULL, finished_at = database_clock(),
        sealed = CASE WHEN $3 = 'failed' AND expires_at > database_clock() THEN sealed END
    WHERE id = $1 AND lease = $2 AND state = 'queued' RETURNING id
    """,
)
_DEFER = Statement(
    "mail_queue.defer",
    """
    UPDATE mail_outbox SET due_at = database_clock() + $3::interval, last_error = $4, lease = NULL
    WHERE id = $1 AND lease = $2 AND state = 'queued' RETURNING id
    """,
)
_RELEASE = Statement(
    "mail_queue.release",
    """
    UPDATE mail_outbox SET due_at = database_clock(), last_error = $3, lease = NULL, attempts = attempts - 1
    WHERE id = $1 AND lease = $2 AND state = 'queued' RETURNING id
    """,
)
# What has failed may be tried again until its links are worth nothing; from then on nothing is kept of what it said.
_SWEEP = Statement(
    "mail_queue.sweep",
    """
    WITH wiped AS (
        UPDATE mail_outbox SET sealed = NULL
        WHERE state = 'failed' AND sealed IS NOT NULL AND expires_at <= database_clock()
            AND finished_at > database_clock() - $1::interval
    )
    DELETE FROM mail_outbox WHERE id IN (
        SELECT id FROM mail_outbox WHERE state <> 'queued' AND finished_at <= database_clock() - $1::interval
        LIMIT 10000 FOR UPDATE SKIP LOCKED
    )
    """,
)
_STATUS = Statement(
    "mail_queue.status",
    """
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM database_clock() - min(created_at)), 0) AS oldest
    FROM mail_outbox WHERE state = 'queued'
    """,
)


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that this worker has, until its lease ends. ``attempts`` counts the one that begins now."""

    mail_id: UUID
    lease: UUID
    kind: str
    recipient: str
    subject: UUID | None
    sealed: bytes
    attempts: int
    created_at: datetime
    is_expired: bool
    remaining: timedelta


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How many mails wait, and how long the oldest has."""

    waiting: int
    oldest: timedelta


class MailQueue:
    """Mails to send. ``kinds`` are those that this release knows: another is left to a worker that does."""

    def __init__(self, database: Executor, kinds: Collection[str], lease: timedelta) -> None:
        self._database = database
        self._kinds = tuple(kinds)
        self._lease = lease

    async def claim(self) -> ClaimedMail | None:
        """The mail that has been due longest and that no other worker has; None where there is none."""
        lease = uuid4()
        row = await self._database.fetch_row(_CLAIM, lease, self._lease, self._kinds)
        if row is None:
            return None
        return ClaimedMail(
            mail_id=row["id"],
            lease=lease,
            kind=row["kind"],
            recipient=row["recipient"],
            subject=row["subject"],
            sealed=row["sealed"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            is_expired=row["is_expired"],
            remaining=row["remaining"],
        )

    async def extend(self, mail: ClaimedMail) -> bool:
        """Keep the mail for as long again; False where it is not this worker's any more."""
        return await self._is_mine(_EXTEND, mail, self._lease)

    async def sent(self, mail: ClaimedMail) -> bool:
        """The server has taken it: what it said is deleted. False where it was not this worker's any more."""
        return await self._is_mine(_FINISH, mail, "sent", None)

    async def failed(self, mail: ClaimedMail, reason: str) -> bool:
        """It is given up; what it said is kept for as long as an operator may have it tried again."""
        return await self._is_mine(_FINISH, mail, "failed", reason)

    async def defer(self, mail: ClaimedMail, pause: timedelta, reason: str) -> bool:
        """Try again after the pause."""
        return await self._is_mine(_DEFER, mail, pause, reason)

    async def release(self, mail: ClaimedMail, reason: str) -> bool:
        """Nothing was tried: it is due as before."""
        return await self._is_mine(_RELEASE, mail, reason)

    async def sweep(self, retention: timedelta) -> None:
        """Forget mails that were finished before that, and what failed ones said once their links have expired."""
        await self._database.execute(_SWEEP, retention)

    async def status(self) -> QueueStatus:
        """How many wait."""
        row = await self._database.fetch_row(_STATUS)
        if row is None:
            raise RuntimeError("an aggregate has one row")
        return QueueStatus(row["waiting"], timedelta(seconds=float(row["oldest"])))

    async def _is_mine(self, statement: Statement, mail: ClaimedMail, *arguments: object) -> bool:
        return await self._database.fetch_row(statement, mail.mail_id, mail.lease, *arguments) is not None
