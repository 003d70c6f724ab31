"""Where a worker runs, and where its mails can be read: one process that is every service, and the demo's inbox."""

import secrets
from collections import deque
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from support.eventually import eventually
from support.mail_world import LINK, MailWorld, mail_world, notice, reset_mail
from support.smtp_server import LOOPBACK, SmtpMailbox, smtp_server
from support.system import System
from valetkey.core.mail.content import PasswordReset
from valetkey.core.mail.mail import Mail
from valetkey.demo.inbox import Inbox, create_inbox, inbox_server
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox

TOUR = "http://127.0.0.1:8081/"
TestServer.__test__ = False  # a helper, no test


@pytest.fixture
async def inbox(postgres_dsn: str) -> AsyncIterator[tuple[MailWorld, Inbox]]:
    """A world whose mails arrive in the demo's inbox."""
    inbox = Inbox(system_clock)
    async with inbox_server(inbox) as port, mail_world(postgres_dsn, SmtpMailbox(port)) as world:
        yield world, inbox


async def test_one_process_that_is_every_service_sends_mail_too(postgres_dsn: str, redis_url: str) -> None:
    async with smtp_server(SmtpMailbox()) as mailbox:
        changes = {
            "mail_host": LOOPBACK,
            "mail_port": f"{mailbox.port}",
            "mail_tls": "none",
            "mail_from": "no-reply@example.com",
            "mail_keys": secrets.token_urlsafe(32),
        }
        with System(postgres_dsn, redis_url, compact=True, changes=changes) as system:
            async with Database(postgres_dsn) as database:
                await MailOutbox.from_settings(system.settings, database).put(notice())

            async def has_arrived() -> bool:
                return bool(mailbox.taken)

            await eventually(has_arrived, 30)

    assert [message["To"] for message in mailbox.taken] == ["ada@example.com"]


async def test_the_inbox_shows_each_mail_with_its_links(inbox: tuple[MailWorld, Inbox]) -> None:
    world, kept = inbox
    await world.put(reset_mail())
    await world.worker().drain()

    async with TestServer(create_inbox(kept, TOUR)) as server, ClientSession(server.make_url("/")) as browser:
        pages = [await (await browser.get(path)).text() for path in ("/", "/mails/1", "/mails/1/html")]
        missing = await browser.get("/mails/2")

    assert 'href="/mails/1"' in pages[0]
    assert all(f'href="https://id.example.com{LINK}"' in page for page in pages[1:])
    assert missing.status == 404


async def test_a_mail_can_neither_run_nor_load_anything_in_the_inbox(inbox: tuple[MailWorld, Inbox]) -> None:
    world, kept = inbox
    content = PasswordReset(name="<script>alert(1)</script>", link=LINK, minutes=30)
    await world.outbox.put(Mail(recipient="ada@example.com", content=content))
    await world.worker().drain()

    async with TestServer(create_inbox(kept, TOUR)) as server, ClientSession(server.make_url("/")) as browser:
        page, html = await browser.get("/mails/1"), await browser.get("/mails/1/html")
        text = await page.text()

    assert "<script" not in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert {"sandbox", "default-src"} <= set(html.headers["Content-Security-Policy"].replace(";", " ").split())


async def test_the_inbox_keeps_the_newest(inbox: tuple[MailWorld, Inbox]) -> None:
    world, kept = inbox
    assert kept.mails.maxlen == 100
    kept.mails = deque(maxlen=3)
    await world.put(*(notice(f"user{number}@example.com") for number in range(5)))

    await world.worker().drain()

    assert [mail.number for mail in kept.mails] == [5, 4, 3]
