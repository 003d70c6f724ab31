"""An installation that sends mail to a server on the loopback address."""

from collections.abc import AsyncIterator

import pytest

from support.mail_world import MailWorld, mail_world
from support.smtp_server import SmtpMailbox, smtp_server


@pytest.fixture
async def mailbox() -> AsyncIterator[SmtpMailbox]:
    """A server that takes everything, without TLS, as only one on this machine may be used."""
    async with smtp_server(SmtpMailbox()) as opened:
        yield opened


@pytest.fixture
async def world(postgres_dsn: str, mailbox: SmtpMailbox) -> AsyncIterator[MailWorld]:
    """One installation with an empty outbox."""
    async with mail_world(postgres_dsn, mailbox) as opened:
        yield opened
