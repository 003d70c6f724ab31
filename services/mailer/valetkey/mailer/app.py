"""The process around the worker: health and metrics, and no public port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.core.mail.content import KINDS
from valetkey.mailer.smtp import SmtpServer
from valetkey.mailer.templates import MailTemplates, mail_languages
from valetkey.mailer.worker import LEASE, MailWorker, WorkerOptions
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.mail_sealer import MailSealer
from valetkey.storage.postgres.database.opening import open_database
from valetkey.storage.postgres.schema.guard import SchemaGuard
from valetkey.storage.postgres.tables.mail_queue import MailQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry.tracing import Tracing
    from valetkey.storage.postgres.database.pool import Database

_SCHEMA_INTERVAL = timedelta(seconds=3)


def create_mailer(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock
) -> web.Application:
    """The worker as an application without routes: it starts with the application, and stops with it.

    Raises ``MailTemplateError`` where mails cannot be worded as settings say.
    """
    templates = create_templates(settings)
    app = create_app(settings, tracing=tracing)

    async def worker(app: web.Application) -> AsyncIterator[None]:
        async with open_database(settings, "mailer") as database:
            schema = SchemaGuard(database, _SCHEMA_INTERVAL)
            await schema.start()
            app[HEALTH].waiting.add(schema.reason)
            try:
                async with open_worker(settings, database, templates, clock):
                    yield
            finally:
                await schema.close()

    app.cleanup_ctx.append(worker)
    return app


def create_templates(settings: Settings) -> MailTemplates:
    """The wording as settings want it. Raises ``MailTemplateError`` and ``CatalogueError`` where it cannot be used."""
    return MailTemplates(
        settings.theme_name,
        settings.issuer,
        directory=settings.mail_templates_directory,
        languages=mail_languages(settings.languages, settings.default_language, settings.languages_directory),
    )


@asynccontextmanager
async def open_worker(
    settings: Settings, database: Database, templates: MailTemplates, clock: Clock
) -> AsyncIterator[MailWorker]:
    """A worker that sends; at the end it finishes what it has begun."""
    worker = MailWorker(
        MailQueue(database, KINDS, LEASE),
        MailSealer(settings.mail_keys.reveal()),
        templates,
        SmtpServer.from_settings(settings),
        clock=clock,
        options=WorkerOptions(
            connections=settings.mail_connections,
            retention=timedelta(seconds=settings.mail_retention),
            grace=timedelta(seconds=settings.shutdown_grace),
        ),
    )
    worker.listen(database)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.close()
