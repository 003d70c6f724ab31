"""What the rows of authorizations cost."""

from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import Record

from support.postgres import postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.oauth.revocation import REVOCATION_MARGIN
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.authorizations import Authorizations
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.revocations import RevocationRecords

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECRET = "a session's secret"


async def publish_nothing(_revocations: object) -> None:
    """Nothing has to make room here."""


class CountingExecutor:
    """Runs statements, and counts them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.attributes = database.attributes
        self.statements: list[str] = []

    async def fetch(self, statement: Statement, *arguments: object) -> list[Record]:
        self.statements.append(statement.name)
        return await self._database.fetch(statement, *arguments)

    async def fetch_row(self, statement: Statement, *arguments: object) -> Record | None:
        self.statements.append(statement.name)
        return await self._database.fetch_row(statement, *arguments)

    async def execute(self, statement: Statement, *arguments: object) -> None:
        self.statements.append(statement.name)
        await self._database.execute(statement, *arguments)


@pytest.mark.requirement("architecture 5: refresh <= 1 SQL statement; code redemption <= 1 SQL statement")
async def test_a_redemption_and_a_refresh_wait_for_one_statement_each(database: Database) -> None:
    stores, executor = postgres_stores(database), CountingExecutor(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    new, authorizations = make_authorization(client, session, NOW), Authorizations(executor, publish_nothing, most=10)

    inserted = await authorizations.insert(new)
    rotated = await authorizations.rotate(new.authorization_id, 1, client.uid, LATER)

    assert inserted is not None
    assert rotated is not None
    await authorizations.swept()
    waited_for = [name for name in executor.statements if name != "authorizations.sweep"]
    assert waited_for == ["authorizations.insert", "authorizations.rotate"]
    assert executor.statements.count("authorizations.sweep") == 1


@pytest.mark.requirement("architecture 3: nothing grows with traffic and nothing needs a janitor")
async def test_redemptions_make_room_where_users_sign_out_and_no_client_ever_revokes(database: Database) -> None:
    stores = postgres_stores(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    for number in range(3):
        signed_in = make_session(session.user, NOW)
        await stores.sessions.create(f"{SECRET} {number}", signed_in, None)
        await stores.authorizations.insert(make_authorization(client, signed_in, NOW))
        await stores.sessions.end(signed_in.session_id, NOW)
    forgotten = REVOCATION_LIFETIME + REVOCATION_MARGIN
    left = [target async for batch in RevocationRecords(database).live(NOW) for target in batch]
    await stores.sessions.create(SECRET, session, None)

    await stores.authorizations.insert(make_authorization(client, session, NOW + forgotten))
    await stores.authorizations.swept()

    assert len(left) == 3
    assert await database.fetch(Statement("revocations.all", "SELECT target FROM revocations")) == []
