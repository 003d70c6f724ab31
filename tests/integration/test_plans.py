"""What PostgreSQL is asked all day long is planned once for each connection: planning takes longer than most of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from support.postgres import postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.epoch import GrantEpochs
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

NOW = datetime.now(UTC)
# PostgreSQL plans the first five for their values, and compares.
TIMES = 12
PLANS = Statement(
    "test.plans", "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ $1"
)


@pytest.mark.requirement("architecture 5: what a redemption, a refresh and a login cost PostgreSQL")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO authorizations",
        "UPDATE authorizations AS a",
        "JOIN sessions AS s ON",
        "FROM login_names JOIN",
    ],
)
async def test_a_statement_of_the_hot_paths_is_planned_once(postgres_dsn: str, statement: str) -> None:
    async with Database(postgres_dsn, max_size=1) as database:
        stores, client = postgres_stores(database), make_client()
        await stores.clients.insert(client, NOW)
        for number in range(TIMES):
            session = make_session(make_user(f"user-{number}"), NOW)
            new = make_authorization(client, session, NOW, bound_to_session=False, epochs=GrantEpochs(0, 0, 0, 0))
            await stores.users.create(session.user, password_hash())
            assert await stores.users.find_by_login_name(f"user-{number}") is not None
            assert await stores.sessions.create(f"secret-{number}", session, None)
            assert await stores.sessions.find(f"secret-{number}", NOW) is not None
            assert await stores.authorizations.insert(new) is not None
            assert await stores.authorizations.rotate(new.authorization_id, 1, client.uid, NOW) is not None

        plans = await database.fetch(PLANS, statement)

    assert plans
    assert [row["statement"] for row in plans if row["custom_plans"] + row["generic_plans"] > 5 >= row["custom_plans"]]
    assert not [row["statement"] for row in plans if row["custom_plans"] > 5]
