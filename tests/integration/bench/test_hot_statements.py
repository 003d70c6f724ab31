"""What hot endpoints ask PostgreSQL costs the same however much is in its tables: every plan goes through an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from uuid import uuid4

import asyncpg
import pytest

from bench.population import Population
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables import (
    authorization_inserts,
    authorizations,
    clients,
    consents,
    revocations,
    session_list,
    sessions,
)

HOT = [
    (clients, "clients.find"),
    (sessions, "sessions.find"),
    (sessions, "sessions.create"),
    (consents, "consents.find"),
    (authorization_inserts, "authorizations.insert"),
    (authorization_inserts, "authorizations.insert_one"),
    (authorization_inserts, "authorizations.sweep"),
    (authorizations, "authorizations.rotate"),
    (authorizations, "authorizations.find"),
    (revocations, "revocations.find"),
    (revocations, "revocations.record"),
    (revocations, "revocations.live"),
]
SESSIONS = """
    INSERT INTO sessions (session_id, secret_digest, subject, auth_time, acr, amr, created_at, used_at, idle_expires_at,
        expires_at, installation_epoch, user_epoch)
    SELECT gen_random_uuid(), uuid_send(gen_random_uuid()), subject, now(), 'a', '{pwd}',
        now() + number * interval '1 second', now(), now() + interval '1 day', now() + interval '1 day', 0, 0
    FROM users, generate_series(1, 4) AS number
"""
_PAGE = ("now()", "100", "now()", "gen_random_uuid()")
ARGUMENTS = {
    "sessions.list": _PAGE,
    "sessions.list_of_user": (*_PAGE, "gen_random_uuid()"),
    "sessions.find_summary": ("now()", "gen_random_uuid()"),
    "sessions.find_place": ("gen_random_uuid()",),
}
CLIENTS, AUTHORIZATIONS, REVOCATIONS = 2_000, 20_000, 20_000


def statement_of(module: ModuleType, name: str) -> str:
    (found,) = [each for each in vars(module).values() if isinstance(each, Statement) and each.name == name]
    return found.sql


@pytest.fixture
async def populated_dsn(postgres_dsn: str) -> str:
    """A database with so much in its tables that reading one of them as a whole is a choice."""
    population = Population(postgres_dsn, uuid4())
    await population.grow(CLIENTS)
    await population.authorize([number % CLIENTS for number in range(AUTHORIZATIONS)])
    await population.revoke(REVOCATIONS)
    await population.analyze()
    return postgres_dsn


@pytest.mark.requirement(
    "architecture 5: cost per request is flat from 10 to 100,000 clients and 0 to 1,000,000 revocations"
)
async def test_no_hot_statement_reads_a_whole_table(populated_dsn: str) -> None:
    plans = {name: await plan_of(populated_dsn, statement_of(module, name)) for module, name in HOT}

    # A table without sessions is read as a whole because it has one page.
    whole = {name: tables for name, plan in plans.items() if (tables := read_as_a_whole(plan) - {"sessions"})}
    assert whole == {}, plans


@pytest.mark.requirement("operations: a page of sessions costs the same among a million")
@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("sessions.list", "sessions_by_creation"),
        ("sessions.list_of_user", "sessions_subject"),
        ("sessions.find_summary", "sessions_pkey"),
        ("sessions.find_place", "sessions_pkey"),
    ],
)
async def test_a_page_of_sessions_is_read_through_an_index(populated_dsn: str, name: str, index: str) -> None:
    connection = await asyncpg.connect(populated_dsn)
    await connection.execute(SESSIONS)
    await connection.execute("ANALYZE sessions")
    await connection.close()

    plan = await plan_of(populated_dsn, statement_of(session_list, name), ARGUMENTS[name])

    assert f"using {index}" in plan or f"Index Scan on {index}" in plan, plan
    assert not read_as_a_whole(plan), plan


async def test_a_missing_index_would_be_seen(populated_dsn: str) -> None:
    connection = await asyncpg.connect(populated_dsn)
    await connection.execute("DROP INDEX authorizations_expires_at")
    await connection.close()

    plan = await plan_of(populated_dsn, statement_of(authorization_inserts, "authorizations.sweep"))

    assert "authorizations" in read_as_a_whole(plan)


def read_as_a_whole(plan: str) -> set[str]:
    # One row is all that there is of the installation.
    return set(re.findall(r"Seq Scan on (\w+)", plan)) - {"installation"}


async def plan_of(dsn: str, sql: str, values: Sequence[str] = ()) -> str:
    """The plan that PostgreSQL makes for these values; for any, as it keeps it for a statement that is prepared once.

    The size of a page decides how it is best read, so that PostgreSQL goes on planning it for its values.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"SET plan_cache_mode = force_{'custom' if values else 'generic'}_plan")
        await connection.execute(f"PREPARE hot AS {sql}")
        number = max(int(found) for found in re.findall(r"\$(\d+)", sql))
        rows = await connection.fetch(f"EXPLAIN EXECUTE hot ({', '.join(values or ['NULL'] * number)})")
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows)
