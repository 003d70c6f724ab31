"""The outbox, from the side that wants a mail to be sent: within its transaction, or alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from valetkey.core.mail.content import KINDS, useful_for
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import RATE_LIMITED
from valetkey.storage.mail_sealer import MailSealer
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

_LOG = logging.getLogger(__name__)
_LIMITS = (Enqueued.RECIPIENT_LIMIT, Enqueued.ADDRESS_LIMIT, Enqueued.QUEUE_FULL)
# Notices of what has happened have the rest of the queue to themselves: no stranger may keep them from a user.
_NOTICES = 2

# Of two replicas that enqueue for the same recipient or requester, the second counts what the first has stored. They
# lock in one order, so that no two of them wait for each other.
_LOCK = Statement(
    "mail_outbox.lock",
    """
    SELECT pg_advisory_xact_lock(key)
    FROM (
        SELECT DISTINCT hashtextextended('valetkey mail ' || name, 0) AS key FROM unnest($1::text[]) AS name
        ORDER BY key
    ) AS keys
    """,
)
_PUT = Statement(
    "mail_outbox.put",
    """
    WITH refusal AS (
        SELECT CASE
            WHEN $5 AND (
                SELECT count(*) FROM mail_outbox
                WHERE is_requested AND lower(recipient) = lower($3) AND created_at > database_clock() - $9::interval
            ) >= $10::integer THEN 'mail_recipient'
            WHEN $5 AND $6::bytea IS NOT NULL AND (
                SELECT count(*) FROM mail_outbox
                WHERE is_requested AND requester = $6 AND created_at > database_clock() - $9::interval
            ) >= $11::integer THEN 'mail_address'
            WHEN (
                SELECT count(*) FROM (SELECT FROM mail_outbox WHERE state = 'queued' LIMIT $12::integer) AS waiting
            ) >= $12::integer THEN 'mail_queue'
        END AS reason
    ), stored AS (
        INSERT INTO mail_outbox
            (id, kind, recipient, subject, is_requested, requester, sealed, created_at, due_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, database_clock(), database_clock(), database_clock() + $8::interval
        FROM refusal WHERE reason IS NULL
    )
    SELECT reason FROM refusal
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLimits:
    """How many mails may be asked for within ``window``, how many may wait, and how long one is tried at most."""

    per_recipient: int = 5
    per_address: int = 20
    window: timedelta = timedelta(hours=1)
    queue: int = 10_000
    give_up: timedelta = timedelta(days=2)


class MailOutbox:
    """Where everything else leaves a mail. ``sealer`` is None where no mail is configured: nothing is enqueued then."""

    def __init__(self, database: Database, sealer: MailSealer | None, limits: MailLimits) -> None:
        self._database = database
        self._sealer = sealer
        self._limits = limits

    @classmethod
    def from_settings(cls, settings: Settings, database: Database) -> Self:
        """The outbox of this installation."""
        return cls(database, mail_sealer(settings), mail_limits(settings))

    @property
    def is_configured(self) -> bool:
        """Whether a mail can be sent here at all."""
        return self._sealer is not None

    async def put(self, mail: Mail, transaction: Executor | None = None) -> Enqueued:
        """Have the mail sent once the ``transaction`` commits, or at once; it is sent or given up, and never lost.

        A mail that a stranger can ask for counts against limits, atomically over all replicas; a notice does not. A
        refusal changes nothing and does not fail the transaction; it is counted, and in the audit stream.

        Raises ``TemporarilyUnavailable`` while PostgreSQL is away.
        """
        if self._sealer is None:
            return Enqueued.NOT_CONFIGURED
        if transaction is not None:
            result = await self._put(transaction, self._sealer, mail)
        else:
            async with self._database.transaction("mail_outbox.put") as own:
                result = await self._put(own, self._sealer, mail)
        if result is not Enqueued.QUEUED:
            _tell_refused(mail, result)
        return result

    async def _put(self, transaction: Executor, sealer: MailSealer, mail: Mail) -> Enqueued:
        content, limits, mail_id = mail.content, self._limits, uuid4()
        kind = KINDS[content.kind]
        requester = sealer.requester(mail.requested_from) if mail.requested_from else None
        if kind.is_requested:
            names = [f"to {mail.recipient.lower()}", *([f"from {requester.hex()}"] if requester else [])]
            await transaction.execute(_LOCK, names)
        row = await transaction.fetch_row(
            _PUT,
            mail_id,
            content.kind,
            mail.recipient,
            mail.subject,
            kind.is_requested,
            requester,
            sealer.seal(mail_id, mail.recipient, content, mail.language),
            useful_for(content, limits.give_up),
            limits.window,
            limits.per_recipient,
            limits.per_address,
            limits.queue if kind.is_requested else limits.queue * _NOTICES,
        )
        if row is None:
            raise RuntimeError("the statement has one row")
        return Enqueued(row["reason"] or Enqueued.QUEUED)


def mail_sealer(settings: Settings) -> MailSealer | None:
    """What seals and opens here; None where no mail is configured."""
    return MailSealer(settings.mail_keys.reveal()) if settings.mail_host and settings.mail_keys.is_set else None


def mail_limits(settings: Settings) -> MailLimits:
    """The limits as settings say; what they refuse is shown from the start, so that the first one is an increase."""
    for limit in _LIMITS:
        RATE_LIMITED.add(limit, amount=0)
    return MailLimits(
        per_recipient=settings.mail_per_recipient,
        per_address=settings.mail_per_address,
        window=timedelta(seconds=settings.mail_window),
        queue=settings.mail_queue_limit,
        give_up=timedelta(seconds=settings.mail_give_up),
    )


def _tell_refused(mail: Mail, result: Enqueued) -> None:
    RATE_LIMITED.add(result)
    _LOG.warning("mail not enqueued: limit", extra={"limit": result.value, "kind": mail.content.kind})
    audit.emit(
        audit.AuditEvent(
            type="mail.refused",
            outcome="failure",
            reason=f"limit {result}",
            mail=mail.content.kind,
            subject="" if mail.subject is None else str(mail.subject),
            address=mail.requested_from,
        )
    )
