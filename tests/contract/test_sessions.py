"""What authorize may rely on about browser sessions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.granting_party import CLOCKS
from support.postgres import IDLE_LIFETIME, KEPT_IDLE_LIFETIME, LIFETIME, MOST_SESSIONS, Stores, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.session import Session
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
PASSWORD_LATER = (Factor(Method.PASSWORD, LATER),)
SECRET = "secret of a cookie"


@pytest.fixture
async def session(stores: Stores) -> Session:
    """A user who has just signed in."""
    session = make_session(make_user(), NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    return session


async def test_the_secret_finds_the_session(stores: Stores, session: Session) -> None:
    found = await stores.sessions.find(SECRET, LATER)

    assert found == session


@pytest.mark.parametrize(
    "secret", ["", SECRET[:-1], SECRET + " ", SECRET.upper(), "7b1c2c6e-3f0e-4d3e-9d39-0d6c6e1f4b5a"]
)
async def test_nothing_else_finds_it(stores: Stores, session: Session, secret: str) -> None:
    found = await stores.sessions.find(secret, LATER)

    assert found is None


@pytest.mark.requirement("security 38: the session identifier changes at login")
async def test_a_login_ends_the_session_it_replaces(stores: Stores, session: Session) -> None:
    another = make_session(session.user, LATER)

    await stores.sessions.create("another secret", another, SECRET)

    assert await stores.sessions.find(SECRET, LATER) is None
    assert await stores.sessions.find("another secret", LATER) == another


@pytest.mark.requirement("security 38: logging in again changes the secret and spares what is bound to the session")
async def test_a_session_goes_on_under_another_secret(stores: Stores, session: Session) -> None:
    client = make_client()
    await stores.clients.insert(client, NOW)
    bound = make_authorization(client, session, NOW)
    await stores.authorizations.insert(bound)
    again = replace(session, factors=PASSWORD_LATER)

    renewed = await stores.sessions.renew("another secret", again)

    assert renewed
    assert await stores.sessions.find(SECRET, LATER) is None
    assert await stores.sessions.find("another secret", LATER) == again
    assert list(await stores.revocations.find([authorization_target(bound.authorization_id)])) == []


async def test_whose_a_live_session_is_can_be_told_by_its_id(stores: Stores, session: Session) -> None:
    subject = session.user.subject
    told = [await stores.sessions.find_subject(session.session_id, at) for at in (LATER, NOW + LIFETIME)]
    unknown = await stores.sessions.find_subject(uuid4(), LATER)
    await stores.sessions.end(session.session_id, LATER)

    assert (told, unknown) == ([subject, None], None)
    assert await stores.sessions.find_subject(session.session_id, LATER) is None


async def test_a_session_never_goes_over_to_another_user(stores: Stores, session: Session) -> None:
    other = make_user(username="grace", email="grace@example.com")
    await stores.users.create(other, password_hash())

    renewed = await stores.sessions.renew("another secret", replace(session, user=other, factors=PASSWORD_LATER))

    assert not renewed
    assert await stores.sessions.find("another secret", LATER) is None
    assert await stores.sessions.find(SECRET, LATER) == session


async def test_a_login_leaves_other_browsers_alone(stores: Stores, session: Session) -> None:
    await stores.sessions.create("another secret", make_session(session.user, LATER), "unknown secret")

    assert await stores.sessions.find(SECRET, LATER) == session


async def test_an_ended_session_is_gone(stores: Stores, session: Session) -> None:
    await stores.sessions.end(session.session_id, LATER)

    assert await stores.sessions.find(SECRET, LATER) is None


async def test_ending_what_has_ended_changes_nothing(stores: Stores, session: Session) -> None:
    await stores.sessions.end(session.session_id, LATER)

    await stores.sessions.end(session.session_id, LATER)
    await stores.sessions.end(uuid4(), LATER)

    assert await stores.sessions.find(SECRET, LATER) is None


@pytest.mark.requirement("security 21: refuse after logout, when bound to the session")
@pytest.mark.parametrize("how", ["end", "replace"])
async def test_what_ends_with_a_session_is_revoked_too(stores: Stores, session: Session, how: str) -> None:
    client = make_client()
    await stores.clients.insert(client, NOW)
    bound = make_authorization(client, session, NOW)
    offline = make_authorization(client, session, NOW, bound_to_session=False)
    for new in (bound, offline):
        await stores.authorizations.insert(new)

    if how == "end":
        await stores.sessions.end(session.session_id, LATER)
    else:
        await stores.sessions.create("another secret", make_session(session.user, LATER), SECRET)

    targets = [authorization_target(new.authorization_id) for new in (bound, offline)]
    assert list(await stores.revocations.find(targets)) == [Revocation(targets[0], LATER, LATER + timedelta(hours=1))]


async def test_an_unused_session_ends_after_its_idle_lifetime(stores: Stores, session: Session) -> None:
    gone = await stores.sessions.find(SECRET, NOW + IDLE_LIFETIME)
    just_alive = await stores.sessions.find(SECRET, NOW + IDLE_LIFETIME - timedelta(seconds=1))

    assert gone is None
    assert just_alive == session


async def test_using_a_session_prolongs_it_until_its_absolute_lifetime(stores: Stores, session: Session) -> None:
    step = IDLE_LIFETIME - timedelta(minutes=2)
    moments = [NOW + number * step for number in range(1, LIFETIME // step + 1)]

    found = [await stores.sessions.find(SECRET, moment) for moment in moments]

    assert found == [session] * len(moments)
    assert await stores.sessions.find(SECRET, NOW + LIFETIME) is None


@pytest.mark.requirement("security 21: refuse after user disabled and after password change")
@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize("change", ["disable for a while", "set_password", "delete"])
async def test_a_session_ends_with_what_its_user_was(
    stores: Stores, session: Session, change: str, clock: timedelta
) -> None:
    await _change(stores, session, change, NOW + clock)

    found = await stores.sessions.find(SECRET, LATER)

    assert found is None


@pytest.mark.requirement("security 21: a login that began with the old password does not outlive it")
@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize("change", ["disable", "disable for a while", "set_password", "delete"])
@pytest.mark.parametrize("way", ["create", "replace", "renew"])
async def test_a_login_overtaken_by_the_end_of_its_user_makes_no_session(
    stores: Stores, session: Session, way: str, change: str, clock: timedelta
) -> None:
    await _change(stores, session, change, NOW + clock)
    login = replace(session, factors=PASSWORD_LATER)

    if way == "renew":
        made = await stores.sessions.renew("another secret", login)
    else:
        login = replace(login, session_id=uuid4())
        made = await stores.sessions.create("another secret", login, SECRET if way == "replace" else None)

    assert not made
    assert await stores.sessions.find("another secret", LATER) is None
    assert await stores.sessions.find(SECRET, LATER) is None


@pytest.mark.requirement("security 21: a session that has ended does not come back when a user signs in meanwhile")
async def test_a_session_that_has_ended_does_not_go_on(stores: Stores, session: Session) -> None:
    await stores.sessions.end(session.session_id, NOW)

    renewed = await stores.sessions.renew("another secret", replace(session, factors=PASSWORD_LATER))

    assert not renewed
    assert await stores.sessions.find("another secret", LATER) is None


async def _change(stores: Stores, session: Session, change: str, now: datetime) -> None:
    subject = session.user.subject
    match change:
        case "set_password":
            await stores.user_lifecycle.set_password(subject, password_hash("another"), now)
        case "delete":
            await stores.user_lifecycle.delete(subject, now)
        case "disable":
            await stores.user_lifecycle.disable(subject, now)
        case _:
            await stores.user_lifecycle.disable(subject, now)
            await stores.user_lifecycle.enable(subject, now)


async def test_a_session_shows_its_user_as_he_is_now(stores: Stores) -> None:
    user = make_user()
    await stores.users.create(user, password_hash())
    await stores.user_lifecycle.set_password(user.subject, password_hash("another"), NOW)
    found = await stores.users.find_by_subject(user.subject)
    assert found is not None
    await stores.sessions.create(SECRET, make_session(found, LATER), None)

    session = await stores.sessions.find(SECRET, LATER)

    assert session is not None
    assert session.user == found


async def test_the_store_keeps_no_secret(database: Database) -> None:
    stores = postgres_stores(database)
    session = make_session(make_user(), NOW)
    await stores.users.create(session.user, password_hash())

    await stores.sessions.create(SECRET, session, None)

    rows = await database.fetch(Statement("test", "SELECT sessions::text AS text FROM sessions"))
    assert len(rows) == 1
    assert SECRET not in rows[0]["text"]
    assert SECRET.encode().hex() not in rows[0]["text"]


async def test_use_is_noted_once_a_minute_at_most(database: Database) -> None:
    stores = postgres_stores(database)
    session = make_session(make_user(), NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    used_at = Statement("test", "SELECT used_at FROM sessions")

    noted = []
    for seconds in (1, 59, 60, 61, 119, 120):
        await stores.sessions.find(SECRET, NOW + timedelta(seconds=seconds))
        noted += [row["used_at"] - NOW for row in await database.fetch(used_at)]

    assert [moment.total_seconds() for moment in noted] == [0, 0, 60, 60, 60, 120]


@pytest.mark.parametrize("way", ["begun", "renewed"])
async def test_a_session_that_is_kept_may_be_unused_for_longer(stores: Stores, session: Session, way: str) -> None:
    is_begun, secret = way == "begun", "another secret"
    login = replace(session, is_kept=True) if not is_begun else replace(session, session_id=uuid4(), is_kept=True)
    assert await (stores.sessions.create(secret, login, None) if is_begun else stores.sessions.renew(secret, login))

    unused = await stores.sessions.find(secret, NOW + KEPT_IDLE_LIFETIME - timedelta(seconds=1))
    used_again = await stores.sessions.find(secret, NOW + 2 * KEPT_IDLE_LIFETIME - timedelta(minutes=5))

    assert (unused, used_again) == (login, login)
    assert await stores.sessions.find(secret, NOW + LIFETIME) is None
    assert await stores.sessions.find(SECRET, NOW + IDLE_LIFETIME) is None


async def test_a_session_that_is_kept_no_longer_ends_as_others_do(stores: Stores, session: Session) -> None:
    await stores.sessions.renew("kept", replace(session, is_kept=True))

    await stores.sessions.renew("not kept", session)

    assert await stores.sessions.find("not kept", NOW + IDLE_LIFETIME - timedelta(seconds=1)) == session
    assert await stores.sessions.find("not kept", NOW + 2 * IDLE_LIFETIME) is None


async def test_what_ending_a_session_revokes_is_published(database: Database) -> None:
    stores = postgres_stores(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    new = make_authorization(client, session, NOW)
    await stores.authorizations.insert(new)

    await stores.sessions.end(session.session_id, LATER)

    assert [revocation.target for revocation in stores.published] == [authorization_target(new.authorization_id)]


async def test_sessions_that_have_expired_make_room(database: Database) -> None:
    stores = postgres_stores(database)
    user = make_user()
    await stores.users.create(user, password_hash())
    for number in range(25):
        await stores.sessions.create(f"old {number}", make_session(user, NOW), None)

    for number in range(3):
        await stores.sessions.create(f"new {number}", make_session(user, NOW + LIFETIME), None)

    rows = await database.fetch(Statement("test", "SELECT session_id FROM sessions"))
    assert len(rows) == 3


async def test_the_session_used_longest_ago_makes_room_for_one_too_many(database: Database) -> None:
    stores = postgres_stores(database)
    client, user = make_client(), make_user()
    await stores.clients.insert(client, NOW)
    await stores.users.create(user, password_hash())
    oldest = make_session(user, NOW)
    await stores.sessions.create("secret", oldest, None)
    bound = make_authorization(client, oldest, NOW)
    await stores.authorizations.insert(bound)
    for number in range(1, MOST_SESSIONS):
        await stores.sessions.create(f"secret {number}", make_session(user, NOW + timedelta(seconds=number)), None)
    before = await stores.sessions.find("secret", LATER - timedelta(minutes=4))

    await stores.sessions.create("one too many", make_session(user, LATER), None)

    assert before == oldest
    assert await stores.sessions.find("secret 1", LATER) is None
    assert await stores.sessions.find("secret", LATER) == oldest
    rows = await database.fetch(Statement("test", "SELECT session_id FROM sessions"))
    assert len(rows) == MOST_SESSIONS


async def test_a_session_that_makes_room_takes_what_is_bound_to_it_along(database: Database) -> None:
    stores = postgres_stores(database)
    client, user = make_client(), make_user()
    await stores.clients.insert(client, NOW)
    await stores.users.create(user, password_hash())
    oldest = make_session(user, NOW)
    await stores.sessions.create("secret", oldest, None)
    bound = make_authorization(client, oldest, NOW)
    await stores.authorizations.insert(bound)

    for number in range(MOST_SESSIONS):
        await stores.sessions.create(f"secret {number}", make_session(user, LATER), None)

    assert await stores.authorizations.find_live(bound.authorization_id, client.uid, LATER) is None
    assert [revocation.target for revocation in stores.published] == [authorization_target(bound.authorization_id)]
