"""What a system has enqueued to be sent, opened."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self
from uuid import UUID

import asyncpg
import pytest

from support.browser import Browser
from support.eventually import eventually
from valetkey.storage.mail_sealer import MailSealer

if TYPE_CHECKING:
    from support.movable_clock import MovableClock
    from support.relying_party import Person
    from support.system import System
    from support.systems import StartSystem
    from valetkey.core.mail.content import Content
    from valetkey.core.mail.encoding import KeptContent

# Settings of a system that can send mail, with limits that no test reaches by itself; nothing takes the mail away.
MAIL = {
    "mail_host": "smtp.example",
    "mail_from": "id@example.com",
    "mail_keys": secrets.token_urlsafe(32),
    "mail_per_address": "100000",
    "mail_per_recipient": "1000",
}


class Postbox:
    """What is in the outbox for whom, opened."""

    def __init__(self, connection: asyncpg.Connection, sealer: MailSealer) -> None:
        self._connection = connection
        self._sealer = sealer

    @classmethod
    @asynccontextmanager
    async def of(cls, system: System) -> AsyncIterator[Self]:
        """That of a system that can send mail."""
        connection = await asyncpg.connect(system.postgres_dsn)
        try:
            yield cls(connection, MailSealer(system.settings.mail_keys.reveal()))
        finally:
            await connection.close()

    async def mails(self, person: Person) -> list[Content]:
        """What was said about a user, the oldest first."""
        return await self._opened(subject=UUID(person.subject))

    async def mails_to(self, recipient: str, count: int = 1) -> list[Content]:
        """So many mails to an address, as they have come to be there."""

        async def are_there() -> bool:
            return len(await self._opened(recipient=recipient)) >= count

        await eventually(are_there)
        return await self._opened(recipient=recipient)

    async def links(self, person: Person, count: int = 1) -> list[str]:
        """The links of so many mails, as they have come to be there."""

        async def are_there() -> bool:
            return len(await self._links(person)) >= count

        await eventually(are_there)
        return await self._links(person)

    async def kinds(self, person: Person) -> list[str]:
        """Of which kinds the mails about a user are."""
        return [mail.kind for mail in await self.mails(person)]

    async def _links(self, person: Person) -> list[str]:
        return [mail.link for mail in await self.mails(person) if hasattr(mail, "link")]

    async def languages(self, person: Person) -> list[str]:
        """In which languages the mails about a user are."""
        return [mail.language for mail in await self._kept(subject=UUID(person.subject))]

    async def _opened(self, subject: UUID | None = None, recipient: str | None = None) -> list[Content]:
        return [mail.content for mail in await self._kept(subject, recipient)]

    async def _kept(self, subject: UUID | None = None, recipient: str | None = None) -> list[KeptContent]:
        rows = await self._connection.fetch(
            """
            SELECT id, kind, recipient, sealed FROM mail_outbox WHERE subject = $1 OR recipient = $2 ORDER BY created_at
            """,
            *(subject, recipient),
        )
        return [self._sealer.open(row["id"], row["kind"], row["recipient"], row["sealed"]) for row in rows]


@pytest.fixture(scope="module")
def mailing(start_system: StartSystem, clock: MovableClock) -> System:
    """A system that can send mail, with two replicas of each service and a clock that can be moved."""
    return start_system(clock=clock, replicas=2, changes=MAIL)


@pytest.fixture
async def postbox(mailing: System) -> AsyncIterator[Postbox]:
    """What it has enqueued."""
    async with Postbox.of(mailing) as opened:
        yield opened


@pytest.fixture
async def stranger() -> AsyncIterator[Browser]:
    """A browser that is signed in to nothing."""
    async with Browser() as opened:
        yield opened
