"""What operators see of browser sessions, page by page."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from support.postgres import IDLE_LIFETIME, LIFETIME, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.client.client import Client
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.session_list import FIRST_PLACE
from valetkey.storage.postgres.tables.sessions import Sessions

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECRET = "secret of a cookie"


async def test_live_sessions_can_be_listed(database: Database) -> None:
    stores = postgres_stores(database)
    ada, bob = make_user("ada"), make_user("bob")
    sessions = [make_session(ada, NOW), make_session(bob, NOW + timedelta(seconds=1)), make_session(ada, LATER)]
    for user in (ada, bob):
        await stores.users.create(user, password_hash())
    for number, session in enumerate(sessions):
        await stores.sessions.create(f"secret {number}", session, None)
    assert isinstance(stores.sessions, Sessions)

    everything = await stores.sessions.list(LATER)
    of_ada = await stores.sessions.list(LATER, ada.subject)
    at_the_end = await stores.sessions.list(NOW + LIFETIME + IDLE_LIFETIME)

    assert [summary.session_id for summary in everything] == [session.session_id for session in sessions]
    assert {summary.username for summary in of_ada} == {"ada"}
    assert at_the_end == []


@pytest.mark.parametrize("of_one_user", [True, False])
async def test_sessions_are_listed_page_by_page(database: Database, *, of_one_user: bool) -> None:
    stores = postgres_stores(database)
    ada, bob = make_user("ada"), make_user("bob")
    for user in (ada, bob):
        await stores.users.create(user, password_hash())
    # Some begin at the same moment.
    made = [make_session(user, NOW + timedelta(seconds=number // 4)) for number in range(5) for user in (ada, bob)]
    for session in made:
        await stores.sessions.create(f"secret {session.session_id}", session, None)
    assert isinstance(stores.sessions, Sessions)
    subject = ada.subject if of_one_user else None

    found: list[UUID] = []
    place = FIRST_PLACE
    while page := await stores.sessions.list(LATER, subject, 3, after=place):
        found += [summary.session_id for summary in page]
        place = page[-1].place

    expected = [session for session in made if subject in (None, session.user.subject)]
    assert found == [each.session_id for each in sorted(expected, key=lambda each: (each.last_proof, each.session_id))]


async def test_sessions_are_listed_by_the_client_that_may_use_what_was_granted_in_them(database: Database) -> None:
    stores = postgres_stores(database)
    web, other, ada, bob = make_client(), make_client("other"), make_user("ada"), make_user("bob")
    sessions = [make_session(user, NOW + timedelta(seconds=number)) for number, user in enumerate((ada, bob, ada, bob))]
    for client in (web, other):
        await stores.clients.insert(client, NOW)
    for user in (ada, bob):
        await stores.users.create(user, password_hash())
    for number, session in enumerate(sessions):
        await stores.sessions.create(f"secret {number}", session, None)
    for client, session in ((web, sessions[0]), (web, sessions[1]), (other, sessions[2])):
        await stores.authorizations.insert(make_authorization(client, session, NOW))
    assert isinstance(stores.sessions, Sessions)

    async def listed(client: Client, subject: UUID | None = None) -> list[UUID]:
        assert isinstance(stores.sessions, Sessions)
        return [each.session_id for each in await stores.sessions.list(LATER, subject, client_uid=client.uid)]

    assert await listed(web) == [sessions[0].session_id, sessions[1].session_id]
    assert await listed(web, bob.subject) == [sessions[1].session_id]
    assert await listed(other) == [sessions[2].session_id]
    await stores.client_lifecycle.disable(web.client_id, LATER)
    assert await listed(web) == []
    await stores.client_lifecycle.enable(web.client_id, LATER)
    assert await listed(web) == []


async def test_one_session_is_found_by_its_id_while_it_lives(database: Database) -> None:
    stores = postgres_stores(database)
    session = make_session(make_user(), NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    assert isinstance(stores.sessions, Sessions)
    expired = NOW + LIFETIME + IDLE_LIFETIME

    live = await stores.sessions.find_summary(session.session_id, LATER)

    assert live is not None
    assert live.session_id == session.session_id
    assert await stores.sessions.find_summary(session.session_id, expired) is None
    assert await stores.sessions.find_summary(uuid4(), LATER) is None
    assert await stores.sessions.find_place(session.session_id) == live.place
    assert await stores.sessions.find_place(uuid4()) is None
