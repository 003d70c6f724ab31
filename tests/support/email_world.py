"""The stores in which users change their addresses, a short way to make links, and what links do all at once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from support.eventually import eventually
from support.seed import make_user, password_hash
from valetkey.core.authentication.account_token import TokenPurpose, generate_token, token_digest
from valetkey.core.mail.content import EmailReverted
from valetkey.core.mail.mail import Mail
from valetkey.storage.mail_sealer import MailSealer
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.account_tokens import AccountTokens
from valetkey.storage.postgres.tables.email_changes import ChangedEmail, EmailChanges, Revert
from valetkey.storage.postgres.tables.mail_outbox import MailLimits, MailOutbox
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.core.authentication.user import User

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
VERIFY, CHANGE, REVERT, RESET = (
    TokenPurpose.EMAIL_VERIFICATION,
    TokenPurpose.EMAIL_CHANGE,
    TokenPurpose.EMAIL_REVERT,
    TokenPurpose.PASSWORD_RESET,
)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class EmailWorld:
    """The stores of one replica, and a short way to make links."""

    def __init__(self, database: Database, queue: int = 1000) -> None:
        self.database = database
        self.tokens = AccountTokens(database)
        self.users = Users(database)
        self.outbox = MailOutbox(database, MailSealer([secrets.token_bytes(32)]), MailLimits(queue=queue))
        self.changes = EmailChanges(database, self.outbox)
        self.reverts: list[bytes] = []

    async def link(self, user: User, purpose: TokenPurpose, email: str | None = None) -> bytes:
        digest = new_digest(purpose)
        assert await self.tokens.put(digest, purpose, user, NOW, NOW + HOUR, email=email)
        return digest

    async def change(self, digest: bytes, now: datetime = NOW) -> ChangedEmail | None:
        self.reverts.append(new_digest(REVERT))
        return await self.changes.change(digest, now, Revert(self.reverts[-1], now + WEEK), told)

    async def change_to(self, user: User, email: str) -> bytes:
        """Change the address; what undoes it."""
        assert await self.change(await self.link(await self.read(user), CHANGE, email))
        return self.reverts[-1]

    async def revert(self, digest: bytes, now: datetime = NOW) -> ChangedEmail | None:
        return await self.changes.revert(digest, now, told, told)

    async def use(self, purpose: TokenPurpose, digest: bytes, now: datetime) -> object:
        match purpose:
            case TokenPurpose.EMAIL_VERIFICATION:
                return await self.changes.verify(digest, now)
            case TokenPurpose.EMAIL_CHANGE:
                return await self.change(digest, now)
            case TokenPurpose.EMAIL_REVERT:
                return await self.revert(digest, now)
            case TokenPurpose.PASSWORD_RESET:
                return await UserLifecycle(self.database).reset_password(digest, "another hash", now)

    async def read(self, user: User) -> User:
        found = await self.users.find_by_subject(user.subject)
        assert found is not None
        return found

    async def mails(self) -> list[str]:
        rows = await self.database.fetch(
            Statement("test.mails", "SELECT recipient FROM mail_outbox ORDER BY recipient")
        )
        return [row["recipient"] for row in rows]


def new_digest(purpose: TokenPurpose) -> bytes:
    digest = token_digest(purpose, generate_token())
    assert digest is not None
    return digest


def told(subject: UUID, recipient: str) -> Mail:
    return Mail(recipient=recipient, subject=subject, content=EmailReverted(name="Ada", at=NOW))


@pytest.fixture
async def emails(database: Database) -> EmailWorld:
    return EmailWorld(database)


@pytest.fixture
async def replica(postgres_dsn: str) -> AsyncIterator[EmailWorld]:
    """The stores of another replica."""
    async with Database(postgres_dsn, max_size=20) as opened:
        yield EmailWorld(opened)


@pytest.fixture
async def email_user(database: Database) -> User:
    user = make_user()
    await Users(database).create(user, password_hash())
    return user


async def at_once(dsn: str, user: User, works: list[Callable[[], Awaitable[object]]]) -> list[object]:
    """What becomes of works that all wait for the user's row before any of them goes on."""
    connection = await asyncpg.connect(dsn)
    watching = await asyncpg.connect(dsn)
    try:
        held = connection.transaction()
        await held.start()
        await connection.execute("SELECT FROM users WHERE subject = $1 FOR UPDATE", user.subject)
        tasks = [asyncio.ensure_future(work()) for work in works]

        async def all_wait() -> bool:
            waiting = await watching.fetchval(_WAITING)
            return bool(waiting == len(works))

        await eventually(all_wait)
        await held.rollback()
        return await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await connection.close()
        await watching.close()
