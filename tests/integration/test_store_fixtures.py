"""Every test starts with stores that no other test has touched."""

import asyncpg
import pytest
import redis

from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

TWICE = pytest.mark.parametrize("turn", [1, 2])


@TWICE
async def test_a_database_has_the_newest_schema_and_nothing_of_another_test(postgres_dsn: str, turn: int) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        tables = {row["tablename"] for row in await connection.fetch("SELECT tablename FROM pg_tables")}

        await connection.execute("CREATE TABLE of_this_test (value int)")
    finally:
        await connection.close()

    assert "authorizations" in tables
    assert "of_this_test" not in tables


async def test_an_empty_database_has_no_schema(empty_postgres_dsn: str) -> None:
    connection = await asyncpg.connect(empty_postgres_dsn)
    try:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()

    assert tables == 0


@TWICE
def test_redis_holds_nothing_of_another_test(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        found = client.dbsize()

        client.set("of_this_test", "value")

    assert found == 0


async def test_a_disposable_postgres_has_the_newest_schema(disposable_postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(disposable_postgres.dsn_of("valetkey"))
    try:
        found = await connection.fetchval("SELECT to_regclass('authorizations')")
    finally:
        await connection.close()

    assert found is not None
