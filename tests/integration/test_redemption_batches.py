"""Redemptions that are in flight together share a statement; what becomes of one is none of the others' business."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from support.eventually import eventually
from support.granting_party import NOW, SECRET, UNDER_WAY, End, Party, revoke_it
from support.postgres import MOST_GRANTS, Stores, postgres_stores
from support.seed import make_client, make_session, make_user, password_hash
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.storage.postgres.database.pool import Database

HASH = password_hash()
NEIGHBOURS = 6
LOCKS: dict[str, tuple[str, Callable[[Party], object]]] = {
    "client": ("SELECT uid FROM clients WHERE uid = $1 FOR UPDATE", lambda party: party.client.uid),
    "user": ("SELECT subject FROM users WHERE subject = $1 FOR UPDATE", lambda party: party.session.user.subject),
    "session": (
        "SELECT session_id FROM sessions WHERE session_id = $1 FOR UPDATE",
        lambda party: party.session.session_id,
    ),
    "consent": ("SELECT epoch FROM consents WHERE subject = $1 FOR UPDATE", lambda party: party.session.user.subject),
}
BATCH_THAT_WAITS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%asked AS MATERIALIZED%' AND wait_event_type = 'Lock'
"""
UNDECIDED = """
    INSERT INTO authorizations (
        id, client_uid, subject, session_id, bound_to_session, scope, resources, amr, userinfo_claims, id_token_claims,
        auth_time, acr, generation, created_at, rotated_at, idle_seconds, idle_expires_at, expires_at
    )
    VALUES ($1, $2, $3, $4, false, '{}', '{}', '{}', '{}', '{}', $5, '', 1, $5, $5, 60, $5, $5)
"""

UNDECIDED_BY_BATCH = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))"


@pytest.fixture
async def stores(postgres_dsn: str) -> AsyncIterator[Stores]:
    async with Database(postgres_dsn, max_size=2 * NEIGHBOURS) as database:
        yield postgres_stores(database)


@pytest.fixture
async def other(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of something else that works on the same rows."""
    async with connection_to(postgres_dsn) as connection:
        yield connection


@pytest.fixture
async def looking(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection without a transaction, in which what others do would stand still."""
    async with connection_to(postgres_dsn) as connection:
        yield connection


@asynccontextmanager
async def connection_to(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def sign_in(stores: Stores, secret: str = "") -> Party:
    """A new user at a new client; the session has this secret, or one of its own."""
    name = f"name-{uuid4()}"
    client, session = make_client(name), make_session(make_user(name), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, HASH)
    await stores.sessions.create(secret or name, session, None)
    await stores.consents.add(session.user.subject, client.uid, Consent(), NOW)
    return Party(stores, client, session, NOW)


async def neighbours_of(stores: Stores) -> list[NewAuthorization]:
    return [(await sign_in(stores)).new() for _ in range(NEIGHBOURS)]


def together(stores: Stores, batch: Sequence[NewAuthorization]) -> list[asyncio.Task[GrantedAuthorization | None]]:
    """Asked in one turn of the event loop, so that they share a statement."""

    async def insert(new: NewAuthorization) -> GrantedAuthorization | None:
        return await stores.authorizations.insert(new)

    return [asyncio.ensure_future(insert(new)) for new in batch]


def ids(granted: Sequence[GrantedAuthorization | None]) -> list[object]:
    return [None if each is None else each.authorization_id for each in granted]


def ids_of(batch: Sequence[NewAuthorization]) -> list[object]:
    return [new.authorization_id for new in batch]


@pytest.mark.requirement("redemptions: one that may not be is refused, and its neighbours are stored")
@pytest.mark.parametrize(("end", "bound"), UNDER_WAY)
async def test_what_has_ended_is_refused_alone(stores: Stores, end: End, bound: bool) -> None:
    party, neighbours = await sign_in(stores, SECRET), await neighbours_of(stores)
    ended = party.new(bound_to_session=bound)
    await end(party, ended)

    granted = await asyncio.gather(*together(stores, [*neighbours[:3], ended, *neighbours[3:]]))

    assert ids(granted) == [*(new.authorization_id for new in neighbours[:3]), None, *ids_of(neighbours[3:])]


async def test_what_was_redeemed_before_is_refused_and_what_was_revoked_never_lives(stores: Stores) -> None:
    spent, revoked, neighbours = await sign_in(stores), await sign_in(stores), await neighbours_of(stores)
    again, dead = await spent.insert(), revoked.new()
    await revoke_it(revoked, dead)

    granted = await asyncio.gather(*together(stores, [replace(again, issued_at=NOW), dead, *neighbours]))

    state = await stores.authorizations.find_state(dead.authorization_id, NOW)
    assert ids(granted) == [None, dead.authorization_id, *ids_of(neighbours)]
    assert state is not None
    assert not state.is_live


async def test_the_same_code_twice_in_one_batch_is_redeemed_once(stores: Stores) -> None:
    party, neighbours = await sign_in(stores), await neighbours_of(stores)
    new = party.new()

    granted = await asyncio.gather(*together(stores, [new, new, *neighbours, new]))

    assert sorted(map(str, ids(granted))) == sorted(map(str, [new.authorization_id, None, None, *ids_of(neighbours)]))


async def test_of_one_user_and_client_no_more_live_than_may(stores: Stores) -> None:
    party = await sign_in(stores)
    batch = [party.new(issued_at=NOW + timedelta(microseconds=number)) for number in range(2 * MOST_GRANTS)]

    granted = await asyncio.gather(*together(stores, batch))

    # Those that are stored at once do not see each other; the next one does.
    batch.append(await party.insert(issued_at=NOW + timedelta(seconds=1)))
    states = [await stores.authorizations.find_state(new.authorization_id, NOW) for new in batch]
    assert ids(granted) == ids_of(batch[:-1])
    assert 0 < sum(state is not None and state.is_live for state in states) <= MOST_GRANTS


@pytest.mark.requirement("redemptions: what is locked waits alone")
@pytest.mark.parametrize("what", LOCKS)
@pytest.mark.parametrize("commits", [True, False], ids=["changed", "rolled back"])
async def test_what_is_locked_delays_no_other(
    stores: Stores, other: asyncpg.Connection, what: str, *, commits: bool
) -> None:
    party, neighbours = await sign_in(stores), await neighbours_of(stores)
    new = party.new(bound_to_session=True)
    sql, target = LOCKS[what]
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "client": lambda: other.execute("UPDATE clients SET epoch = epoch + 1 WHERE uid = $1", party.client.uid),
        "user": lambda: other.execute("UPDATE users SET epoch = epoch + 1 WHERE subject = $1", target(party)),
        "session": lambda: other.execute("DELETE FROM sessions WHERE session_id = $1", target(party)),
        "consent": lambda: other.execute("UPDATE consents SET epoch = epoch + 1 WHERE subject = $1", target(party)),
    }
    transaction = other.transaction()
    await transaction.start()
    await other.fetch(sql, target(party))

    locked, *others = together(stores, [new, *neighbours])
    stored = await asyncio.wait_for(asyncio.gather(*others), 4)
    was_waiting = not locked.done()
    if commits:
        await changes[what]()
        await transaction.commit()
    else:
        await transaction.rollback()
    outcome = await locked

    assert ids(stored) == ids_of(neighbours)
    assert was_waiting
    assert (outcome is None) == commits


@pytest.mark.requirement("redemptions: what is locked waits alone")
async def test_a_code_that_another_replica_is_redeeming_delays_no_other(
    stores: Stores, other: asyncpg.Connection
) -> None:
    party, neighbours = await sign_in(stores), await neighbours_of(stores)
    new = party.new()
    transaction = other.transaction()
    await transaction.start()
    await other.execute(UNDECIDED_BY_BATCH, new.authorization_id)
    await other.execute(UNDECIDED, new.authorization_id, new.client_uid, new.authentication.subject, uuid4(), NOW)

    undecided, *others = together(stores, [new, *neighbours])
    stored = await asyncio.wait_for(asyncio.gather(*others), 4)
    was_waiting = not undecided.done()
    await transaction.commit()

    assert ids(stored) == ids_of(neighbours)
    assert was_waiting
    assert await undecided is None


@pytest.mark.requirement("redemptions: a batch that is killed half-way has stored nothing, and each may come again")
async def test_a_batch_that_is_killed_has_stored_nothing(
    stores: Stores, other: asyncpg.Connection, looking: asyncpg.Connection
) -> None:
    party, neighbours = await sign_in(stores), await neighbours_of(stores)
    new = party.new()
    transaction = other.transaction()
    await transaction.start()
    # A redemption of the same code that is not decided yet, by release 0.1.0: the batch waits for it.
    await other.execute(UNDECIDED, new.authorization_id, new.client_uid, new.authentication.subject, uuid4(), NOW)

    asked = together(stores, [*neighbours[:3], new, *neighbours[3:]])
    backend = 0

    async def is_waiting() -> bool:
        nonlocal backend
        backend = await looking.fetchval(BATCH_THAT_WAITS) or 0
        return backend != 0

    await eventually(is_waiting)
    await looking.execute("SELECT pg_terminate_backend($1)", backend)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    await transaction.rollback()
    before = [await stores.authorizations.find_state(each.authorization_id, NOW) for each in [new, *neighbours]]
    again = await asyncio.gather(*together(stores, [new, *neighbours]))

    assert all(isinstance(outcome, TemporarilyUnavailable) for outcome in outcomes)
    assert before == [None] * (1 + NEIGHBOURS)
    assert ids(again) == ids_of([new, *neighbours])


async def test_a_caller_who_is_gone_takes_no_other_along(stores: Stores) -> None:
    neighbours = await neighbours_of(stores)

    gone, *others = together(stores, neighbours)
    await asyncio.sleep(0)
    gone.cancel()
    granted = await asyncio.gather(*others)

    assert ids(granted) == ids_of(neighbours[1:])


async def test_what_no_column_takes_is_its_own_fault(stores: Stores) -> None:
    party, neighbours = await sign_in(stores), await neighbours_of(stores)
    impossible = party.new(scope=("openid", "half\x00"))

    bad, *others = together(stores, [impossible, *neighbours])
    granted = await asyncio.gather(*others)

    with pytest.raises(asyncpg.DataError):
        await bad
    assert ids(granted) == ids_of(neighbours)
