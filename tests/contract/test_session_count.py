"""How many users are signed in, as PostgreSQL tells it to the metric."""

from datetime import UTC, datetime, timedelta

from support.eventually import eventually
from support.postgres import IDLE_LIFETIME, Stores, postgres_stores
from support.seed import make_session, make_user, password_hash
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.session_count import SessionCount

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=20)
_MAKE_LARGE = Statement("test.make_large", "UPDATE pg_class SET reltuples = 2500000 WHERE oid = 'sessions'::regclass")


async def one_is_signed_in() -> bool:
    return signed_in() == 1


def signed_in() -> float | None:
    return REGISTRY.get_sample_value("valetkey_sessions")


async def sign_in(stores: Stores, number: int, at: datetime) -> None:
    session = make_session(make_user(f"user-{number}"), at)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(f"secret {number}", session, None)


async def test_live_sessions_are_counted_and_those_that_have_ended_are_not(database: Database) -> None:
    now = [NOW + IDLE_LIFETIME / 2]
    stores = postgres_stores(database)
    await sign_in(stores, 1, NOW)
    await sign_in(stores, 2, now[0])
    count = SessionCount(database, lambda: now[0], MOMENT)

    await count.start()
    both = signed_in()
    now[0] = NOW + IDLE_LIFETIME
    await eventually(one_is_signed_in)
    await count.close()

    assert both == 2


async def test_a_large_table_is_estimated_rather_than_read(database: Database) -> None:
    await sign_in(postgres_stores(database), 1, NOW)
    await database.execute(_MAKE_LARGE)
    count = SessionCount(database, lambda: NOW)

    await count.start()
    await count.close()

    assert signed_in() == 2_500_000


async def test_without_postgresql_the_last_number_stands() -> None:
    before = signed_in()
    async with Database("postgresql://nobody@127.0.0.1:9/nothing", timeout=timedelta(seconds=1)) as database:
        count = SessionCount(database, lambda: NOW)

        await count.start()
        await count.close()

    assert signed_in() == before
