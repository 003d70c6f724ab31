"""A client with two million grants ends at once, and a million sessions are listed page by page."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_client, make_session, make_user, password_hash
from valetkey.core.client.client import Client
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.sessions import Sessions

GRANTS = 2_000_000
SESSIONS = 1_000_000
PAGE = 1000
# Half a minute for each million would be a statement that touches every grant.
MOST_SECONDS = 5
MOST_SECONDS_OF_A_PAGE = 1
# A trigger or a foreign key for each row would take most of the time.
WITHOUT_TRIGGERS = "SET session_replication_role = replica"
GRANT = """
    INSERT INTO authorizations (
        id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims, id_token_claims,
        auth_time, acr, amr, generation, created_at, rotated_at, idle_seconds, idle_expires_at, expires_at,
        installation_epoch, client_epoch, user_epoch, consent_epoch
    )
    SELECT gen_random_uuid(), $1, $2, gen_random_uuid(), FALSE, '{openid}', '{}', '{}', '{}', now(), 'a', '{pwd}', 1,
        now(), now(), 86400, now() + interval '1 day', now() + interval '30 days', 0, 0, 0, 0
    FROM generate_series(1, $3::integer)
    RETURNING id
"""
SIGN_IN = """
    INSERT INTO sessions (
        session_id, secret_digest, subject, auth_time, acr, amr, created_at, used_at, idle_expires_at, expires_at,
        installation_epoch, user_epoch
    )
    SELECT gen_random_uuid(), uuid_send(gen_random_uuid()), $1, now(), 'a', '{pwd}',
        now() + number * interval '1 millisecond', now(), now() + interval '1 day', now() + interval '1 day', 0, 0
    FROM generate_series(1, $2::integer) AS number
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn) as database:
        yield database


async def filled(dsn: str, stores: Stores, table: str) -> tuple[Client, UUID]:
    """So many grants of one client, or so many sessions, of one user; the client, and one of the grants."""
    client, session = make_client(), make_session(make_user(), datetime.now(UTC))
    await stores.clients.insert(client, session.auth_time)
    await stores.users.create(session.user, password_hash())
    subject = session.user.subject
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        last = client.uid
        if table == "sessions":
            await connection.execute(SIGN_IN, subject, SESSIONS, timeout=900)
        else:
            await connection.execute(GRANT, client.uid, subject, GRANTS - 1, timeout=900)
            last = await connection.fetchval(GRANT, client.uid, subject, 1)
        await connection.execute(f"VACUUM ANALYZE {table}", timeout=900)
    finally:
        await connection.close()
    return client, last


@pytest.mark.requirement("operations: a client with millions of grants ends at once")
@pytest.mark.parametrize("end", ["disable", "delete"])
async def test_a_client_with_two_million_grants_ends_within_seconds(
    postgres_dsn: str, database: Database, end: str
) -> None:
    stores = postgres_stores(database)
    client, grant = await filled(postgres_dsn, stores, "authorizations")

    started = time.perf_counter()
    revocations = await stores.client_lifecycle.disable(client.client_id, datetime.now(UTC))
    disabled = time.perf_counter() - started
    if end == "delete":
        await stores.client_lifecycle.delete(client.client_id, datetime.now(UTC))
    else:
        await stores.client_lifecycle.enable(client.client_id, datetime.now(UTC))

    assert revocations is not None
    assert len(revocations) == 1
    assert disabled < MOST_SECONDS
    assert await stores.authorizations.rotate(grant, 1, client.uid, datetime.now(UTC)) is None


@pytest.mark.requirement("operations: a page of sessions costs the same among a million")
async def test_the_last_page_of_a_million_sessions_is_as_fast_as_the_first(
    postgres_dsn: str, database: Database
) -> None:
    stores = postgres_stores(database)
    await filled(postgres_dsn, stores, "sessions")
    assert isinstance(stores.sessions, Sessions)
    now = datetime.now(UTC) - timedelta(minutes=1)

    seconds: list[float] = []
    first = await stores.sessions.list(now, None, PAGE)
    place, listed = first[-1].place, len(first)
    while True:
        started = time.perf_counter()
        page = await stores.sessions.list(now, None, PAGE, after=place)
        seconds.append(time.perf_counter() - started)
        if not page:
            break
        place, listed = page[-1].place, listed + len(page)

    assert listed == SESSIONS
    assert max(seconds) < MOST_SECONDS_OF_A_PAGE
