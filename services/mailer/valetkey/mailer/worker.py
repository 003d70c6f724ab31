"""The worker: claims mails, sends them, and notes what became of each. Several may run, in as many processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import KINDS
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.mailer.message import build_message
from valetkey.mailer.retry import next_pause, server_pause
from valetkey.mailer.smtp import MailDeferred, MailRejected, ServerUnavailable, SmtpServer, SmtpSession
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.audit import AuditEvent
from valetkey.runtime.telemetry.metrics import (
    MAIL_QUEUE,
    MAIL_QUEUE_AGE,
    MAIL_SEND,
    MAIL_SERVER_FAILURES,
    MAILS,
)
from valetkey.runtime.telemetry.tracing import detached_task
from valetkey.storage.postgres.database.notifications import MAIL_CHANNEL
from valetkey.storage.postgres.database.polling import database_poller

if TYPE_CHECKING:
    from valetkey.core.ports.clock import Clock
    from valetkey.mailer.templates import MailTemplates
    from valetkey.storage.mail_sealer import MailSealer
    from valetkey.storage.postgres.database.pool import Database
    from valetkey.storage.postgres.tables.mail_queue import ClaimedMail, MailQueue

# A mail of a worker that is gone is taken up after so long; one that is being sent is kept by extending it.
LEASE = timedelta(seconds=60)
_EXTEND_EVERY = LEASE.total_seconds() / 3
INTERVAL = timedelta(seconds=5)
_NOTE_AGAIN_SECONDS = 1.0
_RESULTS = ("sent", "deferred", "failed")
_SERVER_FAILURES = ("authentication", "tls", "timeout", "connection", "refused")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How many mails at a time, how long finished ones are remembered, how long closing may take."""

    connections: int = 1
    retention: timedelta = timedelta(days=7)
    grace: timedelta = timedelta(seconds=20)


class MailWorker:
    """Sends what is due, at once when there is news and every ``INTERVAL``."""

    def __init__(
        self,
        queue: MailQueue,
        sealer: MailSealer,
        templates: MailTemplates,
        server: SmtpServer,
        *,
        clock: Clock,
        options: WorkerOptions,
    ) -> None:
        self._queue = queue
        self._sealer = sealer
        self._templates = templates
        self._server = server
        self._clock = clock
        self._options = options
        self._failures = 0
        self._not_before = clock()
        self._draining: asyncio.Task[None] | None = None
        self._is_closing = False
        self._poller = database_poller(self._look, INTERVAL, "mail")
        for kind in KINDS:
            for result in _RESULTS:
                # Shown from the start, so that the first one is an increase.
                MAILS.add(kind, result, amount=0)
        for label in _SERVER_FAILURES:
            MAIL_SERVER_FAILURES.add(label, amount=0)

    def listen(self, database: Database) -> None:
        """Wake as soon as a mail is enqueued."""
        database.on_notify(MAIL_CHANNEL, lambda _payload: self._poller.wake())

    async def start(self) -> None:
        """Begin."""
        await self._poller.start()

    async def close(self) -> None:
        """Begin no other mail; finish those that have begun, within the grace."""
        self._is_closing = True
        await self._poller.close()
        if self._draining is not None and not self._draining.done():
            await asyncio.wait({self._draining}, timeout=self._options.grace.total_seconds())
            self._draining.cancel()
            with suppress(asyncio.CancelledError, TemporarilyUnavailable):
                await self._draining

    async def _look(self) -> None:
        # A task of its own: closing lets it finish, where it would cancel this one.
        self._draining = detached_task(self.drain(), "mail-drain")
        await asyncio.shield(self._draining)

    async def drain(self) -> None:
        """Send everything that is due, unless the server was away a moment ago; then count and sweep."""
        try:
            if self._clock() >= self._not_before:
                async with asyncio.TaskGroup() as streams:
                    for _ in range(self._options.connections):
                        streams.create_task(self._stream())
        except* TemporarilyUnavailable as errors:
            raise TemporarilyUnavailable(f"{errors.exceptions[0]}") from errors
        await self._queue.sweep(self._options.retention)
        status = await self._queue.status()
        MAIL_QUEUE.set(status.waiting)
        MAIL_QUEUE_AGE.set(status.oldest.total_seconds())

    async def _stream(self) -> None:
        """One mail after the other, over one connection as long as it holds."""
        session: SmtpSession | None = None
        try:
            while not self._is_closing and self._clock() >= self._not_before:
                mail = await self._queue.claim()
                if mail is None:
                    return
                message = await self._prepared(mail)
                if message is None:
                    continue
                async with self._kept(mail):
                    try:
                        if session is None or not session.is_open:
                            session = await self._server.connect()
                        await self._send(session, mail, message)
                        self._failures = 0
                    except ServerUnavailable as error:
                        await self._server_failed(mail, error)
        finally:
            if session is not None:
                await session.close()

    async def _prepared(self, mail: ClaimedMail) -> bytes | None:
        """The message; None where the mail is finished or put off because there cannot be one."""
        if mail.is_expired:
            await self._give_up(mail, "its time is over")
            return None
        try:
            kept = self._sealer.open(mail.mail_id, mail.kind, mail.recipient, mail.sealed)
            worded = self._templates.word(kept.content, mail.recipient, kept.language)
            return build_message(mail, worded, sender=self._server.sender, sender_name=self._templates.theme_name)
        except MailRefused as error:
            await self._give_up(mail, f"{error}")
        except TemplateError as error:
            await self._put_off(mail, f"its template: {error}")
        return None

    async def _send(self, session: SmtpSession, mail: ClaimedMail, message: bytes) -> None:
        started = perf_counter()
        try:
            await session.send(mail.recipient, message)
        except MailRejected as error:
            await self._give_up(mail, f"{error}")
        except MailDeferred as error:
            await self._put_off(mail, f"{error}")
        else:
            MAIL_SEND.observe(perf_counter() - started)
            await self._note(mail, lambda: self._queue.sent(mail))
            MAILS.add(mail.kind, "sent")
            audit.emit(AuditEvent(type="mail.sent", outcome="success", mail=mail.kind, subject=_subject(mail)))

    async def _put_off(self, mail: ClaimedMail, reason: str) -> None:
        pause = next_pause(mail.attempts, mail.remaining)
        if pause is None:
            await self._give_up(mail, f"its time is over; {reason}")
            return
        await self._note(mail, lambda: self._queue.defer(mail, pause, reason))
        MAILS.add(mail.kind, "deferred")
        _LOG.warning("mail deferred", extra={**_named(mail), "reason": reason, "seconds": round(pause.total_seconds())})

    async def _give_up(self, mail: ClaimedMail, reason: str) -> None:
        await self._note(mail, lambda: self._queue.failed(mail, reason))
        MAILS.add(mail.kind, "failed")
        _LOG.error("mail given up", extra={**_named(mail), "reason": reason})
        audit.emit(
            AuditEvent(type="mail.failed", outcome="failure", reason=reason, mail=mail.kind, subject=_subject(mail))
        )

    async def _server_failed(self, mail: ClaimedMail, error: ServerUnavailable) -> None:
        self._failures += 1
        pause = server_pause(self._failures)
        self._not_before = self._clock() + pause
        MAIL_SERVER_FAILURES.add(error.label)
        _LOG.error("no mail can be sent", extra={"reason": f"{error}", "seconds": round(pause.total_seconds())})
        await self._note(mail, lambda: self._queue.release(mail, f"{error}"))

    async def _note(self, mail: ClaimedMail, write: Callable[[], Awaitable[bool]]) -> None:
        """Write what became of it, as soon as PostgreSQL is there: nothing else is done with the mail before that."""
        while True:
            try:
                if not await write():
                    _LOG.warning("mail was taken over by another worker, and may be doubled", extra=_named(mail))
                return
            except TemporarilyUnavailable as error:
                _LOG.warning("cannot note what became of a mail yet", extra={**_named(mail), "reason": f"{error}"})
            await asyncio.sleep(_NOTE_AGAIN_SECONDS)

    @asynccontextmanager
    async def _kept(self, mail: ClaimedMail) -> AsyncIterator[None]:
        """Extend the lease for as long as it takes."""
        keeping = detached_task(self._extend(mail), "mail-lease")
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _extend(self, mail: ClaimedMail) -> None:
        while True:
            await asyncio.sleep(_EXTEND_EVERY)
            with suppress(TemporarilyUnavailable):
                await self._queue.extend(mail)


def _named(mail: ClaimedMail) -> dict[str, object]:
    return {"mail_id": str(mail.mail_id), "kind": mail.kind, "attempts": mail.attempts}


def _subject(mail: ClaimedMail) -> str:
    return "" if mail.subject is None else str(mail.subject)
