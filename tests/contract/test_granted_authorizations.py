"""What token may rely on about the one row of an authorization."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.granting_party import (
    CLOCKS,
    ENDINGS_OF_THE_SESSION,
    LATER,
    MATRIX,
    NOW,
    SECRET,
    UNDER_WAY,
    End,
    Party,
    as_granted,
    change_the_password,
    disable_the_client_for_a_while,
    revoke_it,
    state_of,
    withdraw_the_consent,
)
from support.postgres import IDLE_LIFETIME, MOST_GRANTS, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.revocation import authorization_target
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.storage.postgres.database.pool import Database


async def test_what_was_stored_is_what_is_granted(party: Party) -> None:
    new = party.new(
        scope=("email", "openid"),
        resources=("https://b.example", "https://a.example"),
        claims=ClaimsRequest(userinfo=("name",), id_token=("email", "nickname")),
    )

    granted = await party.stores.authorizations.insert(new)

    assert granted == as_granted(party, new, 1)


@pytest.mark.requirement("security 15: one success per code, whatever Redis has forgotten")
async def test_an_authorization_is_stored_once(party: Party) -> None:
    new = await party.insert()

    again = await party.stores.authorizations.insert(replace(new, issued_at=LATER))

    assert again is None
    assert await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, LATER) == as_granted(
        party, new, 1
    )


@pytest.mark.requirement("RFC 9700 §4.14.2: refresh tokens of public clients MUST be rotated or sender-constrained")
async def test_a_rotation_moves_to_the_next_generation(party: Party) -> None:
    new = await party.insert()

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    assert rotated == as_granted(party, new, 2)
    assert await state_of(party, new) == (party.client.uid, 2, True)


@pytest.mark.parametrize("generation", [0, 2, 7])
async def test_only_the_current_generation_rotates(party: Party, generation: int) -> None:
    new = await party.insert()

    rotated = await party.stores.authorizations.rotate(new.authorization_id, generation, party.client.uid, LATER)

    assert rotated is None
    assert await state_of(party, new) == (party.client.uid, 1, True)


@pytest.mark.requirement("security 19: a refresh token is bound to its client")
async def test_another_client_neither_rotates_nor_finds(party: Party) -> None:
    new = await party.insert()
    other = make_client("other")
    await party.stores.clients.insert(other, NOW)

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, other.uid, LATER)
    found = await party.stores.authorizations.find_live(new.authorization_id, other.uid, LATER)

    assert rotated is None
    assert found is None
    assert await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER) is not None


async def test_an_honest_retry_finds_what_the_rotation_returned(party: Party) -> None:
    new = await party.insert()
    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    found = await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, LATER)

    assert found == rotated


async def test_what_no_client_was_given_is_withheld_until_it_is_handed_out(party: Party) -> None:
    new = await party.insert()
    authorizations, authorization_id = party.stores.authorizations, new.authorization_id

    async def is_withheld() -> bool:
        state = await authorizations.find_state(authorization_id, LATER)
        assert state is not None
        return state.is_withheld

    await authorizations.rotate(authorization_id, 1, party.client.uid, LATER)
    seen = [await is_withheld()]
    for generation in (1, 2):
        await authorizations.withhold(authorization_id, generation)
        seen.append(await is_withheld())
    await authorizations.hand_out(authorization_id, 2)
    seen.append(await is_withheld())
    await authorizations.withhold(authorization_id, 2)
    await authorizations.rotate(authorization_id, 2, party.client.uid, LATER)
    seen.append(await is_withheld())

    assert seen == [False, False, True, False, False]
    assert await state_of(party, new) == (party.client.uid, 3, True)


async def test_nothing_is_known_of_what_was_never_stored(party: Party) -> None:
    unknown = uuid4()

    state = await party.stores.authorizations.find_state(unknown, NOW)
    found = await party.stores.authorizations.find_live(unknown, party.client.uid, NOW)
    rotated = await party.stores.authorizations.rotate(unknown, 1, party.client.uid, NOW)

    assert (state, found, rotated) == (None, None, None)


async def test_the_user_is_as_he_is_now(party: Party) -> None:
    new = await party.insert(bound_to_session=False)

    granted = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    assert granted is not None
    assert granted.user == await party.stores.users.find_by_subject(party.session.user.subject)


async def test_each_refresh_prolongs_the_idle_time_but_not_the_absolute_one(party: Party) -> None:
    new = await party.insert(bound_to_session=False, idle_seconds=60, expires_at=NOW + timedelta(seconds=100))
    rotate = party.stores.authorizations.rotate

    second = await rotate(new.authorization_id, 1, party.client.uid, NOW + timedelta(seconds=59))
    third = await rotate(new.authorization_id, 2, party.client.uid, NOW + timedelta(seconds=99))
    fourth = await rotate(new.authorization_id, 3, party.client.uid, NOW + timedelta(seconds=100))

    assert second is not None
    assert third is not None
    assert fourth is None


@pytest.mark.requirement(
    "security 21: refuse after revocation, logout, user disabled, consent withdrawn, client disabled, password change"
)
@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize(("end", "bound"), MATRIX, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_neither_rotates_nor_is_found_live(
    party: Party, end: End, bound: bool, clock: timedelta
) -> None:
    new = await party.insert(bound_to_session=bound)
    party.ends_at = NOW + clock
    await end(party, new)

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)
    found = await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, LATER)
    state = await party.stores.authorizations.find_state(new.authorization_id, LATER)

    assert rotated is None
    assert found is None
    assert state is None or not state.is_live


@pytest.mark.requirement("security 21: a code that is under way ends with its user, client, session or consent")
@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize(("end", "bound"), UNDER_WAY, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_is_not_stored_afterwards(party: Party, end: End, bound: bool, clock: timedelta) -> None:
    new = party.new(bound_to_session=bound, issued_at=LATER + timedelta(seconds=20))
    party.ends_at = NOW + clock
    await end(party, new)

    granted = await party.stores.authorizations.insert(new)

    assert granted is None
    assert await party.stores.authorizations.find_state(new.authorization_id, LATER) is None


@pytest.mark.requirement("security 15: one success per code, and a valid replay revokes what it gave")
async def test_what_a_replay_revoked_first_is_stored_and_never_lives(party: Party) -> None:
    new = party.new(issued_at=LATER)
    await revoke_it(party, new)

    granted = await party.stores.authorizations.insert(new)

    state = await party.stores.authorizations.find_state(new.authorization_id, LATER)
    assert granted is not None
    assert state is not None
    assert not state.is_live
    assert await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER) is None
    assert await party.stores.authorizations.insert(new) is None


@pytest.mark.requirement("OIDC Core §11: offline_access outlives the session")
@pytest.mark.parametrize("end", ENDINGS_OF_THE_SESSION)
async def test_offline_access_outlives_the_session(party: Party, end: End) -> None:
    before, after = await party.insert(bound_to_session=False), party.new(bound_to_session=False)
    await end(party, before)

    rotated = await party.stores.authorizations.rotate(before.authorization_id, 1, party.client.uid, LATER)
    granted = await party.stores.authorizations.insert(after)

    assert rotated is not None
    assert granted is not None


@pytest.mark.parametrize("bound", [True, False])
async def test_an_expired_session_takes_what_is_bound_to_it_along(party: Party, bound: bool) -> None:
    new = await party.insert(bound_to_session=bound)
    expired = NOW + IDLE_LIFETIME

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, expired)

    assert (rotated is None) is bound


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(timedelta(days=14), id="idle"),
        pytest.param(timedelta(days=90), id="absolute"),
    ],
)
@pytest.mark.requirement("security 21: refuse after idle or absolute expiry")
async def test_it_expires_idle_and_absolutely(party: Party, moment: timedelta) -> None:
    new = await party.insert(bound_to_session=False, idle_seconds=min(moment, timedelta(days=30)).days * 86400)

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, NOW + moment)
    state = await party.stores.authorizations.find_state(new.authorization_id, NOW + moment)

    assert rotated is None
    assert state is not None
    assert not state.is_live


@pytest.mark.requirement("security 21: a code from before the withdrawal of consent does not come back with the next")
async def test_consent_given_again_lets_new_codes_pass_and_no_old_ones(party: Party) -> None:
    subject = party.session.user.subject
    await withdraw_the_consent(party, party.new())
    epoch = await party.stores.consents.add(subject, party.client.uid, Consent(frozenset({"openid"})), NOW)
    assert epoch is not None

    before = await party.stores.authorizations.insert(party.new())
    after = await party.stores.authorizations.insert(party.new(epochs=GrantEpochs(0, 0, 0, epoch)))

    assert before is None
    assert after is not None


async def test_a_client_enabled_again_gets_new_codes_redeemed(party: Party) -> None:
    await disable_the_client_for_a_while(party, party.new())
    client = await party.stores.clients.find(party.client.client_id)
    assert client is not None

    granted = await party.stores.authorizations.insert(make_authorization(client, party.session, NOW))

    assert granted is not None


async def test_a_login_after_the_change_of_password_counts(party: Party) -> None:
    await change_the_password(party, party.new())
    user = await party.stores.users.find_by_subject(party.session.user.subject)
    assert user is not None
    session = make_session(user, NOW)
    await party.stores.sessions.create("after", session, SECRET)

    granted = await party.stores.authorizations.insert(make_authorization(party.client, session, NOW))

    assert granted is not None


@pytest.mark.parametrize("clock", [timedelta(days=-3), timedelta(days=3)])
async def test_how_long_ago_it_was_rotated_is_told_by_the_store_alone(database: Database, clock: timedelta) -> None:
    stores, now = postgres_stores(database), datetime.now(UTC)
    client, session = make_client(), make_session(make_user(), now)
    await stores.clients.insert(client, now)
    await stores.users.create(session.user, password_hash())
    new = make_authorization(client, session, now - timedelta(days=4), bound_to_session=False)
    await stores.authorizations.insert(new)

    await stores.authorizations.rotate(new.authorization_id, 1, client.uid, now + clock)
    state = await stores.authorizations.find_state(new.authorization_id, now - clock)

    assert state is not None
    assert timedelta() <= state.since_rotation < timedelta(minutes=1)


async def test_the_authorization_used_longest_ago_makes_room_for_one_too_many(database: Database) -> None:
    stores = postgres_stores(database)
    client, other, session = make_client(), make_client("other"), make_session(make_user(), NOW)
    for each in (client, other):
        await stores.clients.insert(each, NOW)
    await stores.users.create(session.user, password_hash())
    made = [
        make_authorization(client, session, NOW + timedelta(seconds=number), bound_to_session=False)
        for number in range(MOST_GRANTS)
    ]
    elsewhere = make_authorization(other, session, NOW - timedelta(days=1), bound_to_session=False)
    for new in (elsewhere, *made):
        await stores.authorizations.insert(new)
    # PostgreSQL's clock notes the use, and is far ahead of what the others were made by.
    await stores.authorizations.rotate(made[0].authorization_id, 1, client.uid, LATER)

    await stores.authorizations.insert(make_authorization(client, session, LATER, bound_to_session=False))

    states = [await stores.authorizations.find_state(new.authorization_id, LATER) for new in (elsewhere, *made)]
    gone = made[1].authorization_id
    assert [state is not None and state.is_live for state in states] == [True, True, False, *[True] * (MOST_GRANTS - 2)]
    assert [revocation.target for revocation in stores.published] == [authorization_target(gone)]
    assert [found.target for found in await stores.revocations.find([authorization_target(gone)])] == [
        authorization_target(gone)
    ]


async def test_what_is_refused_makes_nothing_else_go(database: Database) -> None:
    stores = postgres_stores(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    made = [make_authorization(client, session, NOW, bound_to_session=False) for _ in range(MOST_GRANTS)]
    for new in made:
        await stores.authorizations.insert(new)

    refused = await stores.authorizations.insert(
        make_authorization(client, session, LATER, bound_to_session=False, epochs=GrantEpochs(0, 1, 0, 0))
    )

    states = [await stores.authorizations.find_state(new.authorization_id, LATER) for new in made]
    assert refused is None
    assert all(state is not None and state.is_live for state in states)
