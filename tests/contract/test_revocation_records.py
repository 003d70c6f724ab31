"""What revocation may rely on about the half that remembers."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.postgres import Stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.oauth.revocation import (
    Revocation,
    RevocationTarget,
    authorization_target,
    client_target,
    subject_target,
    token_target,
)
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.revocations import RevocationRecords

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TARGETS = [
    token_target("a jti"),
    authorization_target(uuid4()),
    client_target("web"),
    subject_target(str(uuid4())),
    subject_target("web"),
]


def revocation(target: RevocationTarget, at: datetime = NOW, lasting: timedelta = HOUR) -> Revocation:
    return Revocation(target, at, at + lasting)


async def test_nothing_is_revoked_before_it_is(stores: Stores) -> None:
    found = await stores.revocations.find(TARGETS)

    assert list(found) == []


async def test_everything_recorded_is_found(stores: Stores) -> None:
    recorded = [revocation(target) for target in TARGETS]

    await stores.revocations.record(recorded)

    assert set(await stores.revocations.find(TARGETS)) == set(recorded)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
async def test_only_what_was_asked_for_is_found(stores: Stores, target: RevocationTarget) -> None:
    await stores.revocations.record([revocation(each) for each in TARGETS])

    found = await stores.revocations.find([target, token_target("another"), target])

    assert list(found) == [revocation(target)]


async def test_recording_nothing_changes_nothing(stores: Stores) -> None:
    await stores.revocations.record([])

    assert list(await stores.revocations.find([])) == []


@pytest.mark.requirement("security 56: nothing resurrects a revoked token")
async def test_a_record_only_grows_stronger(stores: Stores) -> None:
    target = TARGETS[0]
    strong = Revocation(target, NOW, NOW + 2 * HOUR)

    await stores.revocations.record([strong])
    await stores.revocations.record([Revocation(target, NOW - HOUR, NOW + HOUR)])
    await stores.revocations.record([Revocation(target, NOW + HOUR, NOW + HOUR), strong])

    assert list(await stores.revocations.find([target])) == [Revocation(target, NOW + HOUR, NOW + 2 * HOUR)]


async def test_others_are_left_alone(stores: Stores) -> None:
    clients, users = [make_client("one"), make_client("two")], [make_user("ada"), make_user("bob")]
    sessions = [make_session(user, NOW) for user in users]
    for client, user in zip(clients, users, strict=True):
        await stores.clients.insert(client, NOW)
        await stores.users.create(user, password_hash())
    news = [
        make_authorization(client, session, NOW, bound_to_session=False)
        for client, session in zip(clients, sessions, strict=True)
    ]
    for new in news:
        await stores.authorizations.insert(new)

    await stores.revocations.record([revocation(authorization_target(news[0].authorization_id))])

    live = [
        await stores.authorizations.find_live(new.authorization_id, new.client_uid, NOW) is not None for new in news
    ]
    assert live == [False, True]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
async def test_all_that_live_come_in_batches(database: Database, batch_size: int) -> None:
    records = RevocationRecords(database)
    live = [revocation(target) for target in TARGETS]
    await records.record([*live, revocation(token_target("expired"), NOW - 2 * HOUR)])

    batches = [batch async for batch in records.live(NOW, batch_size)]

    assert {each for batch in batches for each in batch} == set(live)
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)


@pytest.mark.requirement("operations: the database does not grow with traffic")
async def test_records_that_have_expired_make_room(database: Database) -> None:
    records = RevocationRecords(database)
    await records.record([revocation(token_target(f"old {number}"), NOW - 2 * HOUR) for number in range(25)])

    for number in range(3):
        await records.record([revocation(token_target(f"new {number}"))])

    rows = await database.fetch(Statement("test", "SELECT target FROM revocations"))
    assert {row["target"] for row in rows} == {"new 0", "new 1", "new 2"}


async def test_an_expired_record_can_be_renewed(database: Database) -> None:
    records, target = RevocationRecords(database), TARGETS[0]
    await records.record([revocation(target, NOW - 2 * HOUR)])

    await records.record([revocation(target)])

    assert await records.find([target]) == (revocation(target),)
