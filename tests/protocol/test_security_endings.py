"""What ends a grant ends all of it, at once: security item 21."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from support.administration import Administration
from support.aging import Aging
from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.systems import MakeParty

BOUND, OFFLINE = "openid api:read", "openid offline_access api:read"
METHODS = ("client_secret_basic", "none")


@dataclass(frozen=True)
class Granted:
    """Tokens of one authorization, refreshed once, and a code of another by the same user for the same client."""

    party: RelyingParty
    api: RelyingParty
    first: Reply
    latest: Reply
    code: CodeResponse


async def granted(party: RelyingParty, api: RelyingParty, scope: str) -> Granted:
    first = await party.log_in(scope=scope)
    latest = await party.refresh(first.refresh_token)
    code = await party.authorize(scope=scope)
    assert (await api.introspect(first.access_token)).active
    return Granted(party, api, first, latest, code)


async def require_alive(grant: Granted) -> None:
    for reply in (grant.first, grant.latest):
        assert (await grant.api.introspect(reply.access_token)).active
        assert (await grant.party.userinfo(reply.access_token)).status == 200
    assert (await grant.party.refresh(grant.latest.refresh_token)).status == 200
    assert (await grant.party.redeem(grant.code)).status == 200


async def require_dead_tokens(grant: Granted) -> None:
    for reply in (grant.first, grant.latest):
        assert (await grant.api.introspect(reply.access_token)).body == {"active": False}
        require_userinfo_refused(await grant.party.userinfo(reply.access_token))


def require_userinfo_refused(reply: Reply) -> None:
    assert (reply.status, reply.error) == (401, "invalid_token")


async def revoke_refresh_token(grant: Granted, _: Administration) -> None:
    assert (await grant.party.revoke(grant.latest.refresh_token)).status == 200


async def revoke_older_refresh_token(grant: Granted, _: Administration) -> None:
    assert (await grant.party.revoke(grant.first.refresh_token)).status == 200


async def log_out(grant: Granted, _: Administration) -> None:
    await grant.party.log_out(grant.latest.body["id_token"])


async def disable_user(grant: Granted, administration: Administration) -> None:
    assert grant.party.person is not None
    await administration.disable_user(grant.party.person)


async def disable_and_enable_user(grant: Granted, administration: Administration) -> None:
    await disable_user(grant, administration)
    assert grant.party.person is not None
    await administration.enable_user(grant.party.person)


async def delete_user(grant: Granted, administration: Administration) -> None:
    assert grant.party.person is not None
    await administration.delete_user(grant.party.person)


async def change_password(grant: Granted, administration: Administration) -> None:
    assert grant.party.person is not None
    await administration.set_password(grant.party.person, "another horse, another battery")


async def withdraw_consent(grant: Granted, administration: Administration) -> None:
    assert grant.party.person is not None
    await administration.withdraw_consent(grant.party.person, grant.party.client)


async def disable_client(grant: Granted, administration: Administration) -> None:
    await administration.disable_client(grant.party.client)


async def disable_and_enable_client(grant: Granted, administration: Administration) -> None:
    await administration.disable_client(grant.party.client)
    await administration.enable_client(grant.party.client)


async def delete_client(grant: Granted, administration: Administration) -> None:
    await administration.delete_client(grant.party.client)


End = Callable[[Granted, Administration], Awaitable[None]]
ENDS_EVERYTHING: tuple[End, ...] = (
    disable_user,
    disable_and_enable_user,
    delete_user,
    change_password,
    withdraw_consent,
    disable_client,
    disable_and_enable_client,
    delete_client,
)


@pytest.mark.requirement("security 21: user disabled, consent withdrawn, client disabled, password changed")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", [BOUND, OFFLINE], ids=["bound to the session", "offline_access"])
@pytest.mark.parametrize("end", ENDS_EVERYTHING, ids=lambda end: end.__name__)
async def test_tokens_refreshes_and_codes_end_with_their_user(
    make_party: MakeParty, administration: Administration, api: RelyingParty, end: End, scope: str, method: str
) -> None:
    grant = await granted(await make_party(method=method), api, scope)

    await end(grant, administration)

    await require_dead_tokens(grant)
    # A replica that has heard of the client's end does not even know it any more.
    allowed = {"invalid_grant", "invalid_client"} if end.__name__.endswith("client") else {"invalid_grant"}
    assert (await grant.party.refresh(grant.latest.refresh_token)).error in allowed
    assert (await grant.party.refresh(grant.first.refresh_token)).error in allowed
    assert (await grant.party.redeem(grant.code)).error in allowed


@pytest.mark.requirement("RFC 7009 §2.1: revoking a refresh token ends every token of its grant, and of no other")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", [BOUND, OFFLINE], ids=["bound to the session", "offline_access"])
@pytest.mark.parametrize("end", [revoke_refresh_token, revoke_older_refresh_token], ids=lambda end: end.__name__)
async def test_revocation_ends_one_authorization(
    make_party: MakeParty, administration: Administration, api: RelyingParty, end: End, scope: str, method: str
) -> None:
    party = await make_party(method=method)
    other = await party.log_in(scope=scope)
    grant = await granted(party, api, scope)

    await end(grant, administration)

    await require_dead_tokens(grant)
    require_refusal(await party.refresh(grant.latest.refresh_token), "invalid_grant")
    assert (await party.redeem(grant.code)).status == 200
    assert (await api.introspect(other.access_token)).active
    assert (await party.refresh(other.refresh_token)).status == 200


@pytest.mark.requirement("security 21: logout, when bound to the session")
@pytest.mark.parametrize("method", METHODS)
async def test_logout_ends_what_is_bound_to_the_session(
    make_party: MakeParty, administration: Administration, api: RelyingParty, method: str
) -> None:
    grant = await granted(await make_party(method=method), api, BOUND)

    await log_out(grant, administration)

    await require_dead_tokens(grant)
    require_refusal(await grant.party.refresh(grant.latest.refresh_token), "invalid_grant")
    require_refusal(await grant.party.redeem(grant.code), "invalid_grant")


@pytest.mark.requirement("OIDC Core §11: offline_access outlives the session")
@pytest.mark.parametrize("method", METHODS)
async def test_logout_leaves_offline_access_alone(
    make_party: MakeParty, administration: Administration, api: RelyingParty, method: str
) -> None:
    grant = await granted(await make_party(method=method), api, OFFLINE)

    await log_out(grant, administration)

    await require_alive(grant)


@pytest.mark.requirement("security 21: logout, when bound to the session")
async def test_logout_in_one_browser_leaves_the_other_alone(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    here = await make_party()
    there = await make_party(here.client, here.person)
    ended, kept = await granted(here, api, BOUND), await granted(there, api, BOUND)

    await log_out(ended, administration)

    await require_dead_tokens(ended)
    await require_alive(kept)


@pytest.mark.requirement("security 21: user disabled, consent withdrawn, client disabled, password changed")
@pytest.mark.parametrize("end", [withdraw_consent, disable_client], ids=lambda end: end.__name__)
async def test_other_clients_of_the_same_user_go_on(
    make_party: MakeParty, administration: Administration, api: RelyingParty, end: End
) -> None:
    party = await make_party()
    neighbour = await make_party(person=party.person)
    ended, kept = await granted(party, api, OFFLINE), await granted(neighbour, api, OFFLINE)

    await end(ended, administration)

    await require_dead_tokens(ended)
    await require_alive(kept)


@pytest.mark.requirement("security 21: user disabled, consent withdrawn, client disabled, password changed")
@pytest.mark.parametrize(
    "end", [disable_user, delete_user, change_password, withdraw_consent], ids=lambda end: end.__name__
)
async def test_other_users_of_the_same_client_go_on(
    make_party: MakeParty, administration: Administration, api: RelyingParty, end: End
) -> None:
    party = await make_party()
    neighbour = await make_party(party.client, await administration.create_user())
    ended, kept = await granted(party, api, OFFLINE), await granted(neighbour, api, OFFLINE)

    await end(ended, administration)

    await require_dead_tokens(ended)
    await require_alive(kept)


@pytest.mark.requirement("security 21: user disabled, consent withdrawn, client disabled, password changed")
async def test_a_new_login_after_the_password_change_gets_tokens_that_live(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    before = await make_party()
    assert before.person is not None
    await before.log_in(scope=OFFLINE)

    after = await make_party(before.client, await administration.set_password(before.person, "a new and long one"))

    await require_alive(await granted(after, api, OFFLINE))


@pytest.mark.requirement("security 21: idle or absolute expiry")
async def test_a_refresh_token_that_lies_unused_for_too_long_is_dead(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    used, unused = await party.log_in(scope=OFFLINE), await party.log_in(scope=OFFLINE)
    aging.clock.advance(days=13)
    used = await party.refresh(used.refresh_token)
    aging.clock.advance(days=2)

    require_refusal(await party.refresh(unused.refresh_token), "invalid_grant")
    assert (await party.refresh(used.refresh_token)).status == 200


@pytest.mark.requirement("security 21: idle or absolute expiry")
async def test_no_authorization_can_be_refreshed_for_ever(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    reply = await party.log_in(scope=OFFLINE)
    for _ in range(8):
        aging.clock.advance(days=11)
        reply = await party.refresh(reply.refresh_token)
        assert reply.status == 200

    aging.clock.advance(days=3)

    require_refusal(await party.refresh(reply.refresh_token), "invalid_grant")


@pytest.mark.requirement("security 21: idle or absolute expiry")
async def test_a_grant_without_offline_access_ends_with_its_forgotten_session(
    make_party: MakeParty, aging: Aging
) -> None:
    party = await make_party(at=aging.system)
    bound, offline = await party.log_in(scope=BOUND), await party.log_in(scope=OFFLINE)
    aging.clock.advance(hours=13)

    require_refusal(await party.refresh(bound.refresh_token), "invalid_grant")
    assert (await party.refresh(offline.refresh_token)).status == 200


@pytest.mark.requirement("security 21: idle or absolute expiry")
async def test_an_expired_token_is_no_reuse_and_ends_nothing_else(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    expired = await party.log_in(scope=OFFLINE)
    aging.clock.advance(days=15)
    other = await party.log_in(scope=OFFLINE)

    require_refusal(await party.refresh(expired.refresh_token), "invalid_grant")

    assert (await party.refresh(other.refresh_token)).status == 200
