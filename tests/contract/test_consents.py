"""What authorize may rely on about consents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.oauth.consent import Consent, KeptConsent
from valetkey.core.oauth.revocation import authorization_target
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.consents import Consents, ConsentSummary

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
READ = Consent(frozenset({"openid", "read"}), frozenset({"https://a.example"}), frozenset({"name"}))
WRITE = Consent(frozenset({"openid", "write"}), frozenset({"https://b.example"}), frozenset({"email"}))


@pytest.fixture
async def pair(stores: Stores) -> tuple[UUID, UUID]:
    """The subject of a user and the uid of a client."""
    client, user = make_client(), make_user()
    await stores.clients.insert(client, NOW)
    await stores.users.create(user, password_hash())
    return user.subject, client.uid


async def test_nothing_is_agreed_to_before_it_is(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    found = await stores.consents.find(*pair)

    assert found is None


@pytest.mark.requirement("OIDC Core §3.1.2.4: consent once given counts")
async def test_what_was_agreed_to_is_remembered(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    await stores.consents.add(*pair, READ, NOW)

    assert await stores.consents.find(*pair) == KeptConsent(READ, 0)


async def test_agreeing_to_more_adds_to_it(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    await stores.consents.add(*pair, READ, NOW)

    await stores.consents.add(*pair, WRITE, LATER)

    assert await stores.consents.find(*pair) == KeptConsent(READ.join(WRITE), 0)


async def test_agreeing_to_nothing_is_agreeing(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    await stores.consents.add(*pair, Consent(), NOW)

    assert await stores.consents.find(*pair) == KeptConsent(Consent(), 0)


async def test_it_counts_for_this_user_and_this_client_only(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    subject, client_uid = pair
    other_user, other_client = make_user("bob"), make_client("other")
    await stores.users.create(other_user, password_hash())
    await stores.clients.insert(other_client, NOW)

    await stores.consents.add(subject, client_uid, READ, NOW)

    assert await stores.consents.find(other_user.subject, client_uid) is None
    assert await stores.consents.find(subject, other_client.uid) is None


@pytest.mark.requirement("security 55a: each withdrawal is another epoch, whatever the clock says")
async def test_each_withdrawal_raises_the_epoch(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    epochs = []
    for moment in (LATER, NOW, LATER + timedelta(hours=1)):
        await stores.consents.withdraw(*pair, moment)
        epochs.append(await stores.consents.add(*pair, READ, NOW))

    assert epochs == [1, 2, 3]


@pytest.mark.parametrize("gone", ["user", "client"])
async def test_what_cannot_be_kept_has_no_epoch(stores: Stores, pair: tuple[UUID, UUID], gone: str) -> None:
    subject, client_uid = pair
    if gone == "user":
        await stores.user_lifecycle.delete(subject, NOW)
    else:
        await stores.client_lifecycle.delete("web", NOW)

    assert await stores.consents.add(subject, client_uid, READ, NOW) is None


@pytest.mark.requirement("security 21: refuse after consent withdrawn")
async def test_what_was_withdrawn_does_not_come_back_with_the_next(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    await stores.consents.add(*pair, READ, NOW)

    await stores.consents.withdraw(*pair, LATER)

    assert await stores.consents.find(*pair) is None
    await stores.consents.add(*pair, WRITE, LATER)
    assert await stores.consents.find(*pair) == KeptConsent(WRITE, 1)


@pytest.mark.requirement("security 21: refuse after consent withdrawn")
async def test_withdrawing_revokes_what_was_granted(stores: Stores) -> None:
    client, other, session = make_client(), make_client("other"), make_session(make_user(), NOW)
    for registered in (client, other):
        await stores.clients.insert(registered, NOW)
    await stores.users.create(session.user, password_hash())
    mine, foreign = (
        make_authorization(registered, session, NOW, bound_to_session=False) for registered in (client, other)
    )
    for new in (mine, foreign):
        await stores.authorizations.insert(new)

    revocations = await stores.consents.withdraw(session.user.subject, client.uid, LATER)

    target = authorization_target(mine.authorization_id)
    assert [revocation.target for revocation in revocations] == [target]
    assert list(await stores.revocations.find([target])) == list(revocations)
    assert await stores.authorizations.find_live(foreign.authorization_id, other.uid, LATER) is not None


@pytest.mark.requirement("security 60: deleting and re-creating a user or client inherits nothing")
async def test_a_client_registered_again_has_no_consent(stores: Stores, pair: tuple[UUID, UUID]) -> None:
    subject, client_uid = pair
    await stores.consents.add(subject, client_uid, READ, NOW)
    await stores.client_lifecycle.delete("web", LATER)
    again = make_client()
    await stores.clients.insert(again, LATER)

    found = await stores.consents.find(subject, again.uid)

    assert found is None


@pytest.mark.parametrize("gone", ["user", "client"])
async def test_a_consent_of_an_unknown_user_or_client_is_not_remembered(
    stores: Stores, pair: tuple[UUID, UUID], gone: str
) -> None:
    subject, client_uid = (uuid4(), pair[1]) if gone == "user" else (pair[0], uuid4())

    await stores.consents.add(subject, client_uid, READ, NOW)

    assert await stores.consents.find(subject, client_uid) is None


async def test_what_users_have_agreed_to_can_be_listed(database: Database) -> None:
    stores = postgres_stores(database)
    assert isinstance(stores.consents, Consents)
    user, clients = make_user(), [make_client("b"), make_client("a"), make_client("withdrawn")]
    await stores.users.create(user, password_hash())
    for client in clients:
        await stores.clients.insert(client, NOW)
        await stores.consents.add(user.subject, client.uid, READ, NOW)
    await stores.consents.withdraw(user.subject, clients[2].uid, LATER)
    other = make_user("bob")
    await stores.users.create(other, password_hash())
    await stores.consents.add(other.subject, clients[0].uid, WRITE, LATER)

    of_user = await stores.consents.list(user.subject)
    for_client = await stores.consents.list(client_uid=clients[0].uid)
    all_there_are = await stores.consents.list()

    first = ConsentSummary(user.subject, user.username, "a", clients[1].client_name, clients[1].uid, READ, NOW)
    second = ConsentSummary(user.subject, user.username, "b", clients[0].client_name, clients[0].uid, READ, NOW)
    others = ConsentSummary(other.subject, other.username, "b", clients[0].client_name, clients[0].uid, WRITE, LATER)
    assert of_user == [first, second]
    assert for_client == [second, others]
    assert all_there_are == [first, second, others]
