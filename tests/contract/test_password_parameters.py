"""Which parameters stored passwords have: learnt from PostgreSQL, all of them, the most frequent first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from argon2 import PasswordHasher, Type

from support.eventually import eventually
from support.postgres import postgres_stores
from support.seed import make_user
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.runtime.password_hash import decoy, parameters_of
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.password_parameters import ROWS, PasswordParameters

OLD = PasswordHasher(1, 8, 1)
NEW = PasswordHasher(2, 16, 1)
LANES = PasswordHasher(1, 32, 2)
ODD = PasswordHasher(1, 8, 1, type=Type.I)
MOMENT = timedelta(milliseconds=20)
_MAKE_LARGE = Statement("test.make_large", "UPDATE pg_class SET reltuples = $1 WHERE oid = 'users'::regclass")
_FILL = Statement(
    "test.fill",
    """
    INSERT INTO users (
        subject, username, email_verified, claims, password_hash, enabled, valid_since, created_at, updated_at
    )
    SELECT gen_random_uuid(), 'filled-' || n, FALSE, '{}', $1, TRUE, now(), now(), now()
    FROM generate_series(1, $2) AS n
    """,
)
pytestmark = pytest.mark.requirement("security 39: known and unknown users take the same, whatever hashes are stored")


def parameters(hasher: PasswordHasher) -> str:
    found = parameters_of(hasher.hash("x"))
    assert found is not None
    return found


class Told:
    """What has been told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, ...]] = []

    def __call__(self, stored: Sequence[str]) -> None:
        self.all.append(tuple(stored))


async def look(database: Database, rows: int = ROWS) -> tuple[str, ...]:
    told = Told()
    found = PasswordParameters(database, told, rows=rows)
    await found.start()
    await found.close()
    (once,) = told.all
    return once


async def add(database: Database, *hashes: str) -> None:
    users = postgres_stores(database).users
    for number, each in enumerate(hashes):
        await users.create(make_user(f"user-{number}-{abs(hash(each))}"), each)


async def test_without_users_there_are_no_parameters(database: Database) -> None:
    assert await look(database) == ()


async def test_hashes_of_other_systems_are_told_of(database: Database) -> None:
    await add(database, "$2b$12$" + "a" * 53, "$2b$12$" + "b" * 53, NEW.hash("a"), "!")
    await add(database, *(f"$pbkdf2-sha256$i=1000,l=3$c2FsdA${tag}" for tag in ("dGFn", "dGFm", "dGFo")))

    assert await look(database) == ("$pbkdf2-sha256$i=1000,l=3$", "$2b$12$", parameters(NEW))


async def test_each_is_told_of_once_the_most_frequent_first(database: Database) -> None:
    await add(database, OLD.hash("a"), *(NEW.hash(each) for each in "bcd"), LANES.hash("e"), LANES.hash("f"))
    await add(database, *(ODD.hash(each) for each in "ghij"))

    assert await look(database) == (parameters(ODD), parameters(NEW), parameters(LANES), parameters(OLD))


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "$argon2id$broken",
        "$argon2id$v=19$m=8,t=1,p=x$c2Fs$dGFn",
        "$argon2$$$",
        "{SSHA}abc",
        "$2x$12$" + "a" * 53,
        "password",
    ],
)
async def test_what_cannot_be_verified_has_none(database: Database, stored: str) -> None:
    await add(database, stored, NEW.hash("a"))

    assert parameters_of(stored) is None
    assert await look(database) == (parameters(NEW),)


@pytest.mark.parametrize("hasher", [OLD, NEW, LANES, ODD], ids=["old", "new", "lanes", "argon2i"])
async def test_postgresql_and_python_read_the_same_of_a_hash_and_of_its_decoy(
    database: Database, hasher: PasswordHasher
) -> None:
    await add(database, hasher.hash("a"), decoy(parameters(hasher)))

    assert await look(database) == (parameters(hasher),)


async def test_news_are_told_of_and_what_is_gone_is_not(database: Database) -> None:
    told = Told()
    await add(database, OLD.hash("a"))
    found = PasswordParameters(database, told, interval=MOMENT)
    await found.start()

    await database.execute(Statement("test.rehash", "UPDATE users SET password_hash = $1"), NEW.hash("a"))

    async def is_told() -> bool:
        return told.all[-1] == (parameters(NEW),)

    await eventually(is_told)
    await found.close()
    assert told.all[0] == (parameters(OLD),)


async def test_of_a_large_table_a_sample_is_read(database: Database) -> None:
    await database.execute(_FILL, OLD.hash("a"), 2000)
    await database.execute(Statement("test.analyze", "ANALYZE users"))
    await database.execute(_MAKE_LARGE, 200_000)

    async with asyncio.timeout(20):
        while await look(database, rows=1000) != (parameters(OLD),):
            pass
    # A share of nothing of so few pages is nothing: no row was read.
    assert await look(database, rows=0) == ()


async def test_what_a_sample_misses_is_not_forgotten(database: Database) -> None:
    told = Told()
    await add(database, OLD.hash("a"))
    found = PasswordParameters(database, told, interval=MOMENT, rows=1)
    await found.start()
    # Of a table that has grown, one row in millions is read: this one hardly ever.
    await database.execute(_MAKE_LARGE, 100_000_000)
    told.all.clear()

    async def is_told_again() -> bool:
        return len(told.all) >= 5

    await eventually(is_told_again)
    await found.close()
    assert set(told.all) == {(parameters(OLD),)}


async def test_while_postgresql_is_away_nothing_is_told_and_it_is_asked_again_soon(
    disposable_postgres: EmbeddedPostgres,
) -> None:
    told = Told()
    async with Database(disposable_postgres.dsn_of("valetkey"), timeout=timedelta(seconds=1)) as database:
        await add(database, NEW.hash("a"))
        disposable_postgres.kill()
        found = PasswordParameters(database, told)
        await found.start()
        while_away = list(told.all)
        await asyncio.to_thread(disposable_postgres.start)

        async def is_told() -> bool:
            return told.all == [(parameters(NEW),)]

        # Not after the five minutes of its interval.
        await eventually(is_told, seconds=30)
        await found.close()

    assert while_away == []
