"""What the rows of authorizations cost, and what operators see of them."""

from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import Record

from support.postgres import postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.runtime.postgres.authorizations import Authorizations
from valetkey.runtime.postgres.pool import Database
from valetkey.runtime.postgres.statement import Statement

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECRET = "a session's secret"


class CountingExecutor:
    """Runs statements, and counts them."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
async def test_a_redemption_and_a_refresh_cost_one_statement_each(database: Database) -> None:
    stores, executor = postgres_stores(database), CountingExecutor(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    new, authorizations = make_authorization(client, session, NOW), Authorizations(executor)

    inserted = await authorizations.insert(new)
    rotated = await authorizations.rotate(new.authorization_id, 1, client.uid, LATER)

    assert inserted is not None
    assert rotated is not None
    assert executor.statements == ["authorizations.insert", "authorizations.rotate"]


async def test_what_a_user_has_granted_can_be_listed(database: Database) -> None:
    stores, authorizations = postgres_stores(database), Authorizations(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    bound = make_authorization(client, session, NOW)
    offline = make_authorization(client, session, NOW, bound_to_session=False)
    for new in (bound, offline):
        await authorizations.insert(new)

    before = await authorizations.list(session.user.subject, NOW)
    await stores.sessions.end(session.session_id, LATER)
    after = await authorizations.list(session.user.subject, LATER)

    assert {summary.authorization_id for summary in before} == {bound.authorization_id, offline.authorization_id}
    assert [(summary.authorization_id, summary.client_id) for summary in after] == [(offline.authorization_id, "web")]
