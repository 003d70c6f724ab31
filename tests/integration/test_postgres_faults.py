"""PostgreSQL full, slow, silent, killed and restarted: refused in time, and no caller gets another's answer."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_resource_server, make_session, make_user, password_hash
from support.tcp_proxy import TcpProxy
from valetkey.core.client.client import Client
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.revocation import Revocation, token_target
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.caches.catalog_cache import CatalogCache
from valetkey.storage.postgres.caches.client_cache import ClientCache
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHORT = timedelta(seconds=0.5)
SLEEP = Statement("test.sleep", "SELECT pg_sleep($1)")
ECHO = Statement("test.echo", "SELECT $1::text AS canary, pg_sleep($2)")
BACKENDS = Statement(
    "test.terminate", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
)


@pytest.fixture
async def server(disposable_postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    return disposable_postgres


@pytest.fixture
async def replica(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    async with Database(server.dsn_of("valetkey"), timeout=timedelta(seconds=2)) as database:
        yield database


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def everything(stores: Stores) -> dict[str, Callable[[], Awaitable[object]]]:
    """Everything a service may ask of PostgreSQL."""
    name = f"n{uuid4().hex}"
    client, session = make_client(name), make_session(make_user(name), NOW)
    new, subject = make_authorization(client, session, NOW), session.user.subject
    return {
        "clients.find": lambda: stores.clients.find("web"),
        "clients.insert": lambda: stores.clients.insert(client, NOW),
        "client_lifecycle.disable": lambda: stores.client_lifecycle.disable("web", NOW),
        "client_lifecycle.delete": lambda: stores.client_lifecycle.delete("web", NOW),
        "users.find_by_login_name": lambda: stores.users.find_by_login_name("ada"),
        "users.find_by_subject": lambda: stores.users.find_by_subject(subject),
        "users.create": lambda: stores.users.create(session.user, password_hash()),
        "user_lifecycle.disable": lambda: stores.user_lifecycle.disable(subject, NOW),
        "user_lifecycle.set_password": lambda: stores.user_lifecycle.set_password(subject, "hash", NOW),
        "user_lifecycle.delete": lambda: stores.user_lifecycle.delete(subject, NOW),
        "sessions.create": lambda: stores.sessions.create("secret", session, "another"),
        "sessions.find": lambda: stores.sessions.find("secret", NOW),
        "sessions.end": lambda: stores.sessions.end(session.session_id, NOW),
        "consents.find": lambda: stores.consents.find(subject, client.uid),
        "consents.add": lambda: stores.consents.add(subject, client.uid, Consent(), NOW),
        "consents.withdraw": lambda: stores.consents.withdraw(subject, client.uid, NOW),
        "authorizations.insert": lambda: stores.authorizations.insert(new),
        "authorizations.rotate": lambda: stores.authorizations.rotate(uuid4(), 1, client.uid, NOW),
        "authorizations.find_state": lambda: stores.authorizations.find_state(uuid4(), NOW),
        "authorizations.find_live": lambda: stores.authorizations.find_live(uuid4(), client.uid, NOW),
        "revocations.find": lambda: stores.revocations.find([token_target("a jti")]),
        "revocations.record": lambda: stores.revocations.record([Revocation(token_target("a jti"), NOW, NOW + HOUR)]),
        "catalog.get": stores.catalog.get,
    }


async def outcome(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        await ask()
    except TemporarilyUnavailable:
        return "unavailable"
    return "answered"


@pytest.mark.requirement("security 55: dependencies away: fail closed, 503")
async def test_everything_is_unavailable_while_postgresql_is_away_and_works_when_it_is_back(
    server: EmbeddedPostgres, replica: Database
) -> None:
    stores = postgres_stores(replica)
    before = {name: await outcome(ask) for name, ask in everything(stores).items()}

    server.kill()
    away = {name: await outcome(ask) for name, ask in everything(stores).items()}
    server.start()
    back = {name: await outcome(ask) for name, ask in everything(stores).items()}

    assert set(before.values()) == {"answered"}
    assert set(away.values()) == {"unavailable"}
    assert back == before


@pytest.mark.requirement("security 55: dependencies away: fail closed, 503")
async def test_a_service_starts_while_postgresql_is_away(server: EmbeddedPostgres) -> None:
    server.stop()

    async with Database(server.dsn_of("valetkey"), timeout=SHORT) as database:
        clients = postgres_stores(database).clients
        away = await outcome(lambda: clients.find("web"))
        server.start()
        back = await outcome(lambda: clients.find("web"))

    assert (away, back) == ("unavailable", "answered")


async def test_a_server_that_restarts_is_unavailable_and_not_a_bug(server: EmbeddedPostgres, replica: Database) -> None:
    stores, outcomes = postgres_stores(replica), set[str]()
    is_over = False

    async def ask() -> None:
        while not is_over:
            outcomes.add(await outcome(lambda: stores.sessions.find("secret", NOW)))
            await asyncio.sleep(0)

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    for _ in range(3):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.restart)
    await asyncio.sleep(0.2)
    is_over = True
    await asyncio.gather(*asking)

    assert outcomes == {"answered", "unavailable"}


@pytest.mark.parametrize("wrong", ["password", "database"])
async def test_a_refused_login_is_unavailable(server: EmbeddedPostgres, wrong: str) -> None:
    dsn = server.dsn_of("absent") if wrong == "database" else server.dsn_of("valetkey").replace("@", "x@")

    async with Database(dsn, timeout=SHORT) as database:
        assert await outcome(lambda: database.fetch(SLEEP, 0.0)) == "unavailable"


async def test_a_pool_that_stays_full_is_unavailable_in_time(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, max_size=2, timeout=SHORT) as database, asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(hold(database, 1.5))
        await asyncio.sleep(0.1)
        started = time.perf_counter()

        refused = await outcome(lambda: database.fetch(SLEEP, 0.0))

        assert refused == "unavailable"
        assert time.perf_counter() - started < 1


@pytest.mark.requirement("security 55: dependencies away: 503 instead of a line without end")
async def test_a_caller_behind_too_long_a_queue_is_refused_at_once(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, max_size=1, timeout=timedelta(seconds=30)) as database:
        await database.fetch(SLEEP, 0.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hold(database, 1.0))
            await asyncio.sleep(0.1)
            line = [tasks.create_task(outcome(lambda: database.fetch(SLEEP, 0.0))) for _ in range(300)]

            done, _ = await asyncio.wait(line, return_when=asyncio.FIRST_COMPLETED)

            refused = {task.result() for task in done}
        answered = sum(task.result() == "answered" for task in line)

    assert refused == {"unavailable"}
    assert 1 <= answered < len(line)


async def hold(database: Database, seconds: float) -> None:
    async with database.transaction("test.hold", timedelta(seconds=10)) as transaction:
        await transaction.fetch(SLEEP, seconds)


async def test_a_statement_that_takes_too_long_is_unavailable_in_time(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, max_size=1, timeout=SHORT) as database:
        started = time.perf_counter()

        refused = await outcome(lambda: database.fetch(SLEEP, 30.0))
        after = await outcome(lambda: database.fetch(SLEEP, 0.0))

        assert (refused, after) == ("unavailable", "answered")
        assert time.perf_counter() - started < 5


async def test_a_server_that_says_nothing_any_more_is_unavailable_in_time(postgres_dsn: str) -> None:
    async with TcpProxy(postgres_dsn) as network, Database(network.url, timeout=SHORT) as database:
        before = await outcome(lambda: database.fetch(SLEEP, 0.0))
        network.silence()
        started = time.perf_counter()

        refused = await asyncio.gather(*(outcome(lambda: database.fetch(SLEEP, 0.0)) for _ in range(20)))

        assert before == "answered"
        assert set(refused) == {"unavailable"}
        assert time.perf_counter() - started < 5


@pytest.mark.requirement("security 53: a client that hangs up never leaves a connection answering another client")
async def test_who_hangs_up_leaves_no_answer_behind(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, max_size=3, timeout=timedelta(seconds=20)) as database:

        async def ask(canary: str, patience: float) -> bool:
            try:
                async with asyncio.timeout(patience):
                    row = await database.fetch_row(ECHO, canary, 0.002)
            except TimeoutError:
                return False
            assert row is not None
            assert row["canary"] == canary
            return True

        for round_ in range(20):
            answered = await asyncio.gather(
                *(ask(f"canary {round_}-{number}", random.random() / 50) for number in range(20)),
                *(ask(f"patient {round_}-{number}", 60) for number in range(5)),
            )
            assert answered[-5:] == [True] * 5


@pytest.mark.requirement("security 53: a client that hangs up never leaves a connection answering another client")
async def test_who_hangs_up_in_a_transaction_leaves_nothing_open(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, max_size=1) as database:
        insert = Statement("test.insert", "INSERT INTO scopes (name, description) VALUES ($1, 'x')")

        async def write(name: str) -> None:
            async with database.transaction("test.write") as transaction:
                await transaction.execute(insert, name)
                await asyncio.sleep(60)

        writing = asyncio.create_task(write("half"))
        await asyncio.sleep(0.2)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await database.execute(insert, "whole")

        rows = await database.fetch(Statement("test.scopes", "SELECT name FROM scopes WHERE description = 'x'"))
        assert [row["name"] for row in rows] == ["whole"]


async def test_the_listener_comes_back_and_says_what_it_may_have_missed(postgres_dsn: str) -> None:
    heard: list[str | None] = []
    async with Database(postgres_dsn) as database, Database(postgres_dsn) as killer:
        database.on_notify("test_channel", heard.append)
        await eventually(lambda: truth(heard == [None]))
        await killer.execute(Statement("test.notify", "SELECT pg_notify('test_channel', 'one')"))
        await eventually(lambda: truth(heard == [None, "one"]))

        await killer.execute(BACKENDS)
        await eventually(lambda: truth(heard == [None, "one", None]))
        await killer.execute(Statement("test.notify", "SELECT pg_notify('test_channel', 'two')"))

        await eventually(lambda: truth(len(heard) == 4))

    assert heard == [None, "one", None, "two"]


async def truth(value: bool) -> bool:
    return value


@pytest.fixture
async def cache(replica: Database) -> ClientCache:
    return ClientCache(replica, size=100, lifetime=HOUR, stale_lifetime=HOUR, clock=system_clock)


@pytest.mark.requirement("architecture 5: clients are cached in-process and invalidated by NOTIFY")
@pytest.mark.parametrize("change", ["disable", "update", "delete"])
async def test_what_changes_about_a_client_is_known_within_moments(
    replica: Database, cache: ClientCache, change: str
) -> None:
    stores, client = postgres_stores(replica), make_client()
    await stores.clients.insert(client, NOW)
    await eventually(lambda: knows(cache, client))

    if change == "disable":
        await stores.client_lifecycle.disable("web", NOW)
    elif change == "delete":
        await stores.client_lifecycle.delete("web", NOW)
    else:
        await replica.execute(Statement("test.update", "UPDATE clients SET client_name = 'by another hand'"))

    await eventually(lambda: knows_otherwise(cache, client))


async def knows(cache: ClientCache, client: Client) -> bool:
    return await cache.find(client.client_id) == client


async def knows_otherwise(cache: ClientCache, client: Client) -> bool:
    return await cache.find(client.client_id) != client


async def test_what_changes_about_the_catalog_is_known_within_moments(replica: Database) -> None:
    stores = postgres_stores(replica)
    cache = CatalogCache(replica, "https://id.example", lifetime=HOUR, stale_lifetime=HOUR, clock=system_clock)
    await cache.get()

    await stores.clients.insert(make_resource_server(), NOW)
    await eventually(lambda: has_resource(cache))
    await stores.catalog.put_scope(RegisteredScope("read", "Read", "https://api.example"))

    await eventually(lambda: has_scope(cache))
    assert (await cache.get()).scopes["read"].resource == "https://api.example"


async def has_resource(cache: CatalogCache) -> bool:
    return "https://api.example" in (await cache.get()).resources


async def has_scope(cache: CatalogCache) -> bool:
    return "read" in (await cache.get()).scopes


@pytest.mark.requirement("architecture 4: PostgreSQL away: clients in the in-process cache still authenticate")
async def test_a_known_client_is_found_while_postgresql_is_away(server: EmbeddedPostgres, replica: Database) -> None:
    client = make_client()
    await postgres_stores(replica).clients.insert(client, NOW)
    # There was no listener yet, so that no notification comes late and makes the cache forget what it knows.
    cache = ClientCache(replica, size=100, lifetime=HOUR, stale_lifetime=HOUR, clock=system_clock)
    await eventually(lambda: knows(cache, client))

    server.kill()

    assert await cache.find("web") == client
    with pytest.raises(TemporarilyUnavailable):
        await cache.find("unknown")


@pytest.mark.requirement("architecture 4: what changed while a replica could not hear it is known when it can")
async def test_what_changed_without_a_listener_is_known_afterwards(postgres_dsn: str) -> None:
    client = make_client()
    async with (
        TcpProxy(postgres_dsn) as network,
        Database(network.url, timeout=SHORT) as cut_off,
        Database(postgres_dsn) as database,
    ):
        stores = postgres_stores(database)
        await stores.clients.insert(client, NOW)
        cache = ClientCache(cut_off, size=100, lifetime=HOUR, stale_lifetime=HOUR, clock=system_clock)
        await eventually(lambda: knows(cache, client))

        network.cut()
        await stores.client_lifecycle.disable("web", NOW)
        meanwhile = await cache.find("web")
        network.heal()

        assert meanwhile == client
        await eventually(lambda: knows_otherwise(cache, client))
