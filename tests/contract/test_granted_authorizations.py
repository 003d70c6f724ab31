"""What token may rely on about the one row of an authorization."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.postgres import IDLE_LIFETIME, Stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.claims_request import ClaimsRequest
from valetkey.core.client import Client
from valetkey.core.consent import Consent
from valetkey.core.grant import GrantedAuthorization, NewAuthorization
from valetkey.core.refresh_token import RefreshState
from valetkey.core.revocation import Revocation, authorization_target, client_target, subject_target
from valetkey.core.session import Session

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECRET = "a session's secret"


@dataclass
class Party:
    """A user who is signed in, at a client."""

    stores: Stores
    client: Client
    session: Session

    def new(self, **changes: object) -> NewAuthorization:
        return make_authorization(self.client, self.session, NOW, **changes)

    async def insert(self, **changes: object) -> NewAuthorization:
        new = self.new(**changes)
        assert await self.stores.authorizations.insert(new) is not None
        return new


@pytest.fixture
async def party(stores: Stores) -> Party:
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    return Party(stores, client, session)


def as_granted(party: Party, new: NewAuthorization, generation: int) -> GrantedAuthorization:
    return GrantedAuthorization(
        new.authorization_id,
        generation,
        party.session.user,
        new.authentication,
        new.scope,
        new.resources,
        new.claims,
    )


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


@pytest.mark.requirement("architecture 4: what PostgreSQL stored without saying so costs nobody a login")
async def test_what_an_abandoned_redemption_stored_is_taken_over_once(party: Party) -> None:
    new = await party.insert()
    retry = replace(new, issued_at=LATER, abandoned_at=(NOW - timedelta(seconds=1), NOW))

    taken_over = await party.stores.authorizations.insert(retry)
    again = await party.stores.authorizations.insert(replace(retry, issued_at=LATER + timedelta(microseconds=1)))

    assert taken_over == as_granted(party, new, 1)
    assert again is None
    assert await party.stores.authorizations.find_state(new.authorization_id, LATER) == RefreshState(
        party.client.uid, 1, LATER, is_live=True
    )


async def test_an_abandoned_redemption_that_stored_nothing_is_followed_by_one_that_does(party: Party) -> None:
    new = party.new(issued_at=LATER, abandoned_at=(NOW,))

    assert await party.stores.authorizations.insert(new) == as_granted(party, new, 1)
    assert await party.stores.authorizations.insert(replace(new, abandoned_at=())) is None


async def test_an_abandoned_redemption_that_arrives_late_changes_nothing(party: Party) -> None:
    new = await party.insert(issued_at=LATER, abandoned_at=(NOW,))

    late = await party.stores.authorizations.insert(replace(new, issued_at=NOW, abandoned_at=()))

    assert late is None
    state = await party.stores.authorizations.find_state(new.authorization_id, LATER)
    assert state == RefreshState(party.client.uid, 1, LATER, is_live=True)


async def test_what_was_refreshed_is_not_taken_over(party: Party) -> None:
    new = await party.insert()
    await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    taken_over = await party.stores.authorizations.insert(replace(new, issued_at=LATER, abandoned_at=(NOW, LATER)))

    assert taken_over is None


@pytest.mark.requirement("RFC 9700 §4.14.2: refresh tokens of public clients MUST be rotated or sender-constrained")
async def test_a_rotation_moves_to_the_next_generation(party: Party) -> None:
    new = await party.insert()

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    assert rotated == as_granted(party, new, 2)
    assert await party.stores.authorizations.find_state(new.authorization_id, LATER) == RefreshState(
        party.client.uid, 2, LATER, is_live=True
    )


@pytest.mark.parametrize("generation", [0, 2, 7])
async def test_only_the_current_generation_rotates(party: Party, generation: int) -> None:
    new = await party.insert()

    rotated = await party.stores.authorizations.rotate(new.authorization_id, generation, party.client.uid, LATER)

    assert rotated is None
    assert await party.stores.authorizations.find_state(new.authorization_id, LATER) == RefreshState(
        party.client.uid, 1, NOW, is_live=True
    )


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


End = Callable[[Party, NewAuthorization], Awaitable[object]]


async def revoke_it(party: Party, new: NewAuthorization) -> None:
    target = authorization_target(new.authorization_id)
    await party.stores.revocations.record([Revocation(target, LATER, LATER + timedelta(hours=1))])


async def revoke_its_client(party: Party, new: NewAuthorization) -> None:
    target = client_target(party.client.client_id)
    await party.stores.revocations.record([Revocation(target, LATER, LATER + timedelta(hours=1))])


async def revoke_its_subject(party: Party, new: NewAuthorization) -> None:
    target = subject_target(str(party.session.user.subject))
    await party.stores.revocations.record([Revocation(target, LATER, LATER + timedelta(hours=1))])


async def disable_the_user(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_endings.disable(party.session.user.subject, LATER)


async def disable_the_user_for_a_while(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_endings.disable(party.session.user.subject, LATER)
    await party.stores.user_endings.enable(party.session.user.subject, LATER)


async def change_the_password(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_endings.set_password(party.session.user.subject, password_hash("another"), LATER)


async def delete_the_user(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_endings.delete(party.session.user.subject, LATER)


async def disable_the_client(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_endings.disable(party.client.client_id, LATER)


async def disable_the_client_for_a_while(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_endings.disable(party.client.client_id, LATER)
    await party.stores.client_endings.enable(party.client.client_id, LATER)


async def delete_the_client(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_endings.delete(party.client.client_id, LATER)


async def register_the_client_again(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_endings.delete(party.client.client_id, LATER)
    await party.stores.clients.insert(make_client(party.client.client_id), LATER)


async def withdraw_the_consent(party: Party, new: NewAuthorization) -> None:
    await party.stores.consents.withdraw(party.session.user.subject, party.client.uid, LATER)


async def log_out(party: Party, new: NewAuthorization) -> None:
    await party.stores.sessions.end(party.session.session_id, LATER)


async def log_in_again(party: Party, new: NewAuthorization) -> None:
    await party.stores.sessions.create("another", make_session(party.session.user, LATER), SECRET)


ENDINGS_OF_EVERYTHING = [
    revoke_it,
    revoke_its_client,
    revoke_its_subject,
    disable_the_user,
    disable_the_user_for_a_while,
    change_the_password,
    delete_the_user,
    disable_the_client,
    disable_the_client_for_a_while,
    delete_the_client,
    register_the_client_again,
    withdraw_the_consent,
]
ENDINGS_OF_THE_SESSION = [log_out, log_in_again]
MATRIX = [(end, bound) for end in ENDINGS_OF_EVERYTHING for bound in (True, False)] + [
    (end, True) for end in ENDINGS_OF_THE_SESSION
]


@pytest.mark.requirement(
    "security 21: refuse after revocation, logout, user disabled, consent withdrawn, client disabled, password change"
)
@pytest.mark.parametrize(("end", "bound"), MATRIX, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_neither_rotates_nor_is_found_live(party: Party, end: End, bound: bool) -> None:
    new = await party.insert(bound_to_session=bound)
    await end(party, new)

    rotated = await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)
    found = await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, LATER)
    state = await party.stores.authorizations.find_state(new.authorization_id, LATER)

    assert rotated is None
    assert found is None
    assert state is None or not state.is_live


ENDINGS_OF_WHAT_IS_UNDER_WAY = [
    disable_the_user,
    disable_the_user_for_a_while,
    change_the_password,
    delete_the_user,
    disable_the_client,
    disable_the_client_for_a_while,
    delete_the_client,
    register_the_client_again,
    withdraw_the_consent,
]
UNDER_WAY = [(end, bound) for end in ENDINGS_OF_WHAT_IS_UNDER_WAY for bound in (True, False)] + [
    (end, True) for end in ENDINGS_OF_THE_SESSION
]


@pytest.mark.requirement("security 21: a code that is under way ends with its user, client, session or consent")
@pytest.mark.parametrize(("end", "bound"), UNDER_WAY, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_is_not_stored_afterwards(party: Party, end: End, bound: bool) -> None:
    new = party.new(bound_to_session=bound, issued_at=LATER + timedelta(seconds=20))
    await end(party, new)

    granted = await party.stores.authorizations.insert(new)

    assert granted is None
    assert await party.stores.authorizations.find_state(new.authorization_id, LATER) is None


@pytest.mark.requirement("security 21: what has ended is not taken over either")
@pytest.mark.parametrize(("end", "bound"), MATRIX, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_is_not_taken_over(party: Party, end: End, bound: bool) -> None:
    new = await party.insert(bound_to_session=bound)
    await end(party, new)
    later = LATER + timedelta(seconds=1)

    await party.stores.authorizations.insert(replace(new, issued_at=later, abandoned_at=(NOW,)))

    assert await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, later) is None


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
    await party.stores.consents.withdraw(subject, party.client.uid, NOW)
    await party.stores.consents.add(subject, party.client.uid, Consent(frozenset({"openid"})), LATER)

    before = await party.stores.authorizations.insert(party.new(issued_at=LATER))
    after = await party.stores.authorizations.insert(party.new(agreed_at=LATER, issued_at=LATER))

    assert before is None
    assert after is not None


async def test_a_client_enabled_again_gets_new_codes_redeemed(party: Party) -> None:
    await disable_the_client_for_a_while(party, party.new())
    agreed_at = LATER + timedelta(milliseconds=1)

    granted = await party.stores.authorizations.insert(party.new(agreed_at=agreed_at, issued_at=agreed_at))

    assert granted is not None


async def test_what_was_withdrawn_from_an_unremembered_consent_can_be_agreed_to_again(party: Party) -> None:
    await withdraw_the_consent(party, party.new())
    agreed_at = LATER + timedelta(milliseconds=1)

    granted = await party.stores.authorizations.insert(party.new(agreed_at=agreed_at, issued_at=agreed_at))

    assert granted is not None


async def test_a_login_after_the_change_of_password_counts(party: Party) -> None:
    await change_the_password(party, party.new())
    user = await party.stores.users.find_by_subject(party.session.user.subject)
    assert user is not None
    session = make_session(user, LATER + timedelta(seconds=1))
    await party.stores.sessions.create("after", session, SECRET)

    granted = await party.stores.authorizations.insert(make_authorization(party.client, session, session.auth_time))

    assert granted is not None
