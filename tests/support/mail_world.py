"""An outbox, workers, and a mail server to send to."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.movable_clock import MovableClock
from support.smtp_server import LOOPBACK, SmtpMailbox
from valetkey.core.mail.content import KINDS, Content, DeliveryTest, PasswordChanged, PasswordReset
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.mailer.smtp import SmtpServer
from valetkey.mailer.templates import MailTemplates
from valetkey.mailer.worker import LEASE, MailWorker, WorkerOptions
from valetkey.storage.mail_sealer import MailSealer
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.mail_outbox import MailLimits, MailOutbox
from valetkey.storage.postgres.tables.mail_queue import MailQueue
from valetkey.storage.postgres.tables.mail_records import MailRecord, MailRecords

ISSUER = "https://id.example.com"
SENDER = "no-reply@example.com"
LINK = "/account/reset?token=a-secret-of-256-bits"
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
_TEMPLATES = MailTemplates("Valetkey", ISSUER)


def reset_mail(recipient: str = "ada@example.com", **changes: Any) -> Mail:  # noqa: ANN401 - any field of a mail
    """A mail that a stranger can ask for."""
    return Mail(recipient=recipient, content=PasswordReset(name="Ada", link=LINK, minutes=30), **changes)


def notice(recipient: str = "ada@example.com") -> Mail:
    """A mail that tells of what has happened."""
    return Mail(recipient=recipient, content=PasswordChanged(name="Ada", at=AT))


def trial(recipient: str = "ada@example.com") -> Mail:
    """A mail that has been asked for, and has no link."""
    return Mail(recipient=recipient, content=DeliveryTest(at=AT))


class MailWorld:
    """One installation. Its time is PostgreSQL's, which ``pass_time`` moves; that of workers moves with it."""

    def __init__(self, database: Database, mailbox: SmtpMailbox, limits: MailLimits | None = None) -> None:
        self.database = database
        self.mailbox = mailbox
        self.sealer = MailSealer([secrets.token_bytes(32)])
        self.limits = limits or MailLimits()
        self.outbox = MailOutbox(database, self.sealer, self.limits)
        self.records = MailRecords(database)
        self.clock = MovableClock()

    def worker(
        self,
        *,
        database: Database | None = None,
        templates: MailTemplates = _TEMPLATES,
        **server: Any,  # noqa: ANN401 - any field of a server
    ) -> MailWorker:
        """A worker that does nothing of its own accord: ``drain`` it."""
        return MailWorker(
            MailQueue(database or self.database, KINDS, LEASE),
            self.sealer,
            templates,
            replace(SmtpServer(host=LOOPBACK, port=self.mailbox.port, tls="none", sender=SENDER), **server),
            clock=self.clock,
            options=WorkerOptions(grace=timedelta(seconds=5)),
        )

    async def put(self, *mails: Mail) -> list[Enqueued]:
        """One after the other."""
        return [await self.outbox.put(mail) for mail in mails]

    async def put_content(self, content: Content, recipient: str = "ada@example.com") -> Enqueued:
        """One mail."""
        return await self.outbox.put(Mail(recipient=recipient, content=content))

    async def one(self) -> MailRecord:
        """The only mail there is."""
        (record,) = await self.records.list()
        return record

    async def states(self) -> dict[str, str]:
        """By recipient."""
        return {record.recipient: record.state for record in await self.records.list(most=10_000)}

    async def pass_time(self, **duration: float) -> None:
        """Move PostgreSQL's clock and the workers'."""
        self.clock.advance(**duration)
        seconds = self.clock.ahead.total_seconds()
        function = "database_clock() RETURNS timestamptz LANGUAGE sql STABLE"
        await self.database.execute(
            Statement(
                "test", f"CREATE OR REPLACE FUNCTION {function} AS $$SELECT now() + interval '{seconds} seconds'$$"
            )
        )


async def kill(task: asyncio.Task[None]) -> None:
    """End a worker as SIGKILL does: whatever it would still do is not done."""
    task.cancel()
    await asyncio.wait({task})


@asynccontextmanager
async def mail_world(dsn: str, mailbox: SmtpMailbox, limits: MailLimits | None = None) -> AsyncIterator[MailWorld]:
    """Over a database with the newest schema."""
    async with Database(dsn, max_size=20) as database:
        yield MailWorld(database, mailbox, limits)
