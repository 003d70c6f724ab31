"""A client or a user with two million grants ends at once; a million sessions, and users, are listed page by page."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_client, make_session, make_user, password_hash
from valetkey.core.authentication.user import listed_name
from valetkey.core.client.client import Client
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.session_list import FIRST_PLACE
from valetkey.storage.postgres.tables.sessions import Sessions
from valetkey.storage.postgres.tables.users import Users

T = TypeVar("T")
GRANTS = 2_000_000
SESSIONS = USERS = 1_000_000
FEW = 100
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
ENROL = """
    INSERT INTO users (
        subject, username, email, email_verified, claims, password_hash, enabled, valid_since, created_at, updated_at
    )
    SELECT gen_random_uuid(), 'user-' || lpad(number::text, 7, '0'), NULL, FALSE, '{}', '!', number % $2::integer <> 0,
        now(), now(), now()
    FROM generate_series(0, $1::integer - 1) AS number
"""
NAME = "INSERT INTO login_names (name_key, subject) SELECT username, subject FROM users"
JOIN = """
    WITH made AS (
        INSERT INTO groups (name, created_at, updated_at) VALUES ('small', now(), now()), ('large', now(), now())
    )
    INSERT INTO group_members (subject, group_name)
    SELECT subject, 'large' FROM users
    UNION ALL SELECT subject, 'small' FROM users WHERE username < 'user-0000100'
"""
GRANT_IN_SESSIONS = """
    INSERT INTO authorizations (
        id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims, id_token_claims,
        auth_time, acr, amr, generation, created_at, rotated_at, idle_seconds, idle_expires_at, expires_at,
        installation_epoch, client_epoch, user_epoch, consent_epoch
    )
    SELECT gen_random_uuid(), $1, subject, session_id, TRUE, '{openid}', '{}', '{}', '{}', now(), 'a', '{pwd}', 1,
        now(), now(), 86400, now() + interval '1 day', now() + interval '30 days', 0, 0, 0, 0
    FROM (SELECT subject, session_id, row_number() OVER (ORDER BY created_at) AS number FROM sessions) AS s
    WHERE number % $2::integer = 0
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn) as database:
        yield database


async def filled(dsn: str, stores: Stores, table: str) -> tuple[Client, UUID]:
    """So many grants of one client, or so many sessions, of one user; the client, and one of the grants."""
    client, session = make_client(), make_session(make_user(), datetime.now(UTC))
    await stores.clients.insert(client, session.last_proof)
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


@pytest.mark.requirement("operations: a user with very many grants ends at once")
@pytest.mark.parametrize("end", ["disable", "set_password", "delete"])
async def test_a_user_with_two_million_grants_ends_within_seconds(
    postgres_dsn: str, database: Database, end: str
) -> None:
    stores = postgres_stores(database)
    client, grant = await filled(postgres_dsn, stores, "authorizations")
    found = await stores.users.find_by_login_name("ada")
    assert found is not None
    subject = found[0].subject

    started = time.perf_counter()
    if end == "set_password":
        revocations = await stores.user_lifecycle.set_password(subject, password_hash(), datetime.now(UTC))
    else:
        revocations = await stores.user_lifecycle.disable(subject, datetime.now(UTC))
    ended = time.perf_counter() - started
    if end == "delete":
        await stores.user_lifecycle.delete(subject, datetime.now(UTC))
    elif end == "disable":
        started = time.perf_counter()
        await stores.user_lifecycle.enable(subject, datetime.now(UTC))
        assert time.perf_counter() - started < MOST_SECONDS

    assert revocations is not None
    assert len(revocations) == 1
    assert ended < MOST_SECONDS
    assert await stores.authorizations.rotate(grant, 1, client.uid, datetime.now(UTC)) is None


@pytest.mark.requirement("operations: a page of users costs the same among a million, whatever is asked of them")
async def test_pages_of_a_million_users_are_fast_by_state_and_by_group(postgres_dsn: str, database: Database) -> None:
    await with_users(postgres_dsn)
    users, seconds = Users(database), dict[str, list[float]]()
    asked: dict[str, tuple[dict[str, Any], int]] = {
        "disabled": ({"enabled": False}, FEW),
        "enabled": ({"enabled": True}, USERS - FEW),
        "in a small group": ({"groups": ["small"]}, FEW),
        "in a large group": ({"groups": ["large"]}, USERS),
        "disabled in a small group": ({"groups": ["small"], "enabled": False}, 1),
        "disabled in a large group": ({"groups": ["large"], "enabled": False}, FEW),
        "of a prefix, disabled": ({"prefix": "user-00", "enabled": False}, FEW // 10),
    }

    for name, (options, count) in asked.items():
        listed, after, prefix = 0, "", str(options.get("prefix", ""))
        while True:
            page, taken = await timed(lambda: users.list(PAGE, after=after, **options))  # noqa: B023 - asked at once
            seconds.setdefault(name, []).append(taken)
            if not page:
                break
            listed, after = listed + len(page), listed_name(page[-1], prefix)
        assert listed == count, name

    assert not {name: max(each) for name, each in seconds.items() if max(each) > MOST_SECONDS_OF_A_PAGE}


async def timed(ask: Callable[[], Awaitable[list[T]]]) -> tuple[list[T], float]:
    """A page, and how many seconds it takes."""
    started = time.perf_counter()
    page = await ask()
    return page, time.perf_counter() - started


async def with_users(dsn: str) -> None:
    """A million users, few of them disabled, all in one group and few in another."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        for statement in (ENROL, NAME, JOIN, "VACUUM ANALYZE"):
            arguments = [USERS, USERS // FEW] if statement is ENROL else []
            await connection.execute(statement, *arguments, timeout=900)
    finally:
        await connection.close()


@pytest.mark.requirement("operations: a page of sessions costs the same among a million")
async def test_pages_of_a_million_sessions_are_fast_by_client(postgres_dsn: str, database: Database) -> None:
    stores = postgres_stores(database)
    await filled(postgres_dsn, stores, "sessions")
    assert isinstance(stores.sessions, Sessions)
    clients = {name: make_client(name) for name in ("popular", "rare", "unused")}
    for client in clients.values():
        await stores.clients.insert(client, datetime.now(UTC))
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        await connection.execute(GRANT_IN_SESSIONS, clients["popular"].uid, 1, timeout=900)
        await connection.execute(GRANT_IN_SESSIONS, clients["rare"].uid, SESSIONS // FEW, timeout=900)
        await connection.execute("VACUUM ANALYZE authorizations", timeout=900)
    finally:
        await connection.close()
    now = datetime.now(UTC) - timedelta(minutes=1)

    seconds: dict[str, list[float]] = {}
    for name, count in (("popular", SESSIONS), ("rare", FEW), ("unused", 0)):
        place, listed = FIRST_PLACE, 0
        # A command has connections of its own, whose statements are planned for what it asks.
        async with Database(postgres_dsn) as own:
            sessions = postgres_stores(own).sessions
            assert isinstance(sessions, Sessions)
            while True:
                started = time.perf_counter()
                page = await sessions.list(now, None, PAGE, after=place, client_uid=clients[name].uid)
                seconds.setdefault(name, []).append(time.perf_counter() - started)
                if not page:
                    break
                place, listed = page[-1].place, listed + len(page)
        assert listed == count, name

    assert not {name: max(each) for name, each in seconds.items() if max(each) > MOST_SECONDS_OF_A_PAGE}


@pytest.mark.requirement("operations: a page of sessions costs the same among a million")
async def test_the_last_page_of_a_million_sessions_is_as_fast_as_the_first(
    postgres_dsn: str, database: Database
) -> None:
    stores = postgres_stores(database)
    await filled(postgres_dsn, stores, "sessions")
    sessions = stores.sessions
    assert isinstance(sessions, Sessions)
    now = datetime.now(UTC) - timedelta(minutes=1)

    seconds: list[float] = []
    first = await sessions.list(now, None, PAGE)
    place, listed = first[-1].place, len(first)
    while True:
        page, taken = await timed(lambda: sessions.list(now, None, PAGE, after=place))  # noqa: B023 - asked at once
        seconds.append(taken)
        if not page:
            break
        place, listed = page[-1].place, listed + len(page)

    assert listed == SESSIONS
    assert max(seconds) < MOST_SECONDS_OF_A_PAGE
