"""What authorize reads at once: a browser's session, and what its user has agreed to for the client that asks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from support.postgres import Stores
from support.seed import make_client, make_session, make_user, password_hash
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.client.client import Client
from valetkey.core.oauth.consent import Consent, KeptConsent

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
READING, WRITING = Consent(frozenset({"read"})), Consent(frozenset({"write"}), frozenset({"https://api.example"}))


async def sign_in(stores: Stores, name: str) -> Session:
    session = make_session(make_user(name), NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(f"secret of {name}", session, None)
    return session


async def register(stores: Stores, name: str) -> Client:
    client = make_client(name)
    await stores.clients.insert(client, NOW)
    return client


@pytest.fixture
async def ada(stores: Stores) -> Session:
    return await sign_in(stores, "ada")


async def test_what_was_agreed_to_comes_with_the_session(stores: Stores, ada: Session) -> None:
    client = await register(stores, "web")
    epoch = await stores.consents.add(ada.user.subject, client.uid, WRITING, NOW)
    assert epoch is not None

    found = await stores.sessions.find_signed_in("secret of ada", client.uid, LATER)

    assert found == SignedIn(ada, KeptConsent(WRITING, epoch))


async def test_nothing_comes_where_nothing_was_agreed_to_or_it_was_withdrawn(stores: Stores, ada: Session) -> None:
    client, other = await register(stores, "web"), await register(stores, "other")
    await stores.consents.add(ada.user.subject, client.uid, READING, NOW)
    await stores.consents.withdraw(ada.user.subject, client.uid, NOW)

    found = [await stores.sessions.find_signed_in("secret of ada", each.uid, LATER) for each in (client, other)]

    assert found == [SignedIn(ada, None)] * 2


async def test_what_is_agreed_to_after_a_withdrawal_comes_with_its_epoch(stores: Stores, ada: Session) -> None:
    client = await register(stores, "web")
    await stores.consents.add(ada.user.subject, client.uid, READING, NOW)
    await stores.consents.withdraw(ada.user.subject, client.uid, NOW)
    epoch = await stores.consents.add(ada.user.subject, client.uid, WRITING, LATER)

    found = await stores.sessions.find_signed_in("secret of ada", client.uid, LATER)

    assert epoch == 1
    assert found == SignedIn(ada, KeptConsent(WRITING, 1))


async def test_without_a_session_nothing_is_found(stores: Stores, ada: Session) -> None:
    client = await register(stores, "web")
    await stores.consents.add(ada.user.subject, client.uid, READING, NOW)
    await stores.sessions.end(ada.session_id, NOW)

    assert await stores.sessions.find_signed_in("secret of ada", client.uid, LATER) is None
    assert await stores.sessions.find_signed_in("another secret", client.uid, LATER) is None


async def test_many_who_ask_at_once_each_get_their_own(stores: Stores, ada: Session) -> None:
    grace = await sign_in(stores, "grace")
    first, second = await register(stores, "first"), await register(stores, "second")
    agreed = {
        (ada.user.subject, first.uid): READING,
        (grace.user.subject, first.uid): WRITING,
        (grace.user.subject, second.uid): READING,
    }
    for (subject, client_uid), consent in agreed.items():
        await stores.consents.add(subject, client_uid, consent, NOW)
    asked = [(session, client) for session in (ada, grace) for client in (first, second)] * 2

    found = await asyncio.gather(
        *(
            stores.sessions.find_signed_in(f"secret of {session.user.username}", client.uid, LATER)
            for session, client in asked
        ),
        stores.sessions.find("secret of ada", LATER),
    )

    assert found.pop() == ada
    assert found == [
        SignedIn(session, None if consent is None else KeptConsent(consent, 0))
        for session, client in asked
        for consent in [agreed.get((session.user.subject, client.uid))]
    ]
