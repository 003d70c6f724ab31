"""RFC 7009: a client revokes its own tokens, and no others."""

import asyncio
from dataclasses import replace

import pytest

from support.administration import Administration
from support.aging import Aging
from support.refusal import require_refusal
from support.relying_party import RelyingParty, Reply
from support.systems import MakeParty
from support.tokens import altered
from support.wire import Wire, credentials_of

METHODS = ("client_secret_basic", "client_secret_post", "none")
SCOPE = "openid offline_access api:read"


def require_revoked(reply: Reply) -> None:
    """200 without a body: it says nothing about whether there was such a token."""
    assert (reply.status, reply.body) == (200, {})
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC 7009 §2.1: an access token can be revoked alone")
@pytest.mark.parametrize("method", METHODS)
async def test_a_revoked_access_token_is_dead_at_once_and_its_refresh_token_is_not(
    make_party: MakeParty, api: RelyingParty, method: str
) -> None:
    party = await make_party(method=method)
    first = await party.log_in(scope=SCOPE)
    sibling = await party.refresh(first.refresh_token)

    require_revoked(await party.revoke(first.access_token))

    assert (await api.introspect(first.access_token)).body == {"active": False}
    assert (await party.userinfo(first.access_token)).status == 401
    assert (await api.introspect(sibling.access_token)).active
    assert (await party.refresh(sibling.refresh_token)).status == 200


@pytest.mark.requirement("RFC 7009 §2.1: an access token can be revoked alone")
async def test_a_machine_can_revoke_its_token(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    machine = await make_party(await administration.create_machine())
    first, second = await machine.token("client_credentials"), await machine.token("client_credentials")

    require_revoked(await machine.revoke(first.access_token))

    assert not (await api.introspect(first.access_token)).active
    assert (await api.introspect(second.access_token)).active


@pytest.mark.requirement("RFC 7009 §2.1: the hint is only a hint")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense", ""])
async def test_a_wrong_hint_does_not_save_a_token(party: RelyingParty, api: RelyingParty, kind: str, hint: str) -> None:
    tokens = await party.log_in(scope=SCOPE)

    require_revoked(await party.post("/revoke", [("token", tokens.body[kind]), ("token_type_hint", hint)]))

    assert not (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("security 22: another client's token is not revoked")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("thief", METHODS)
async def test_another_clients_token_is_not_revoked_and_its_existence_is_not_disclosed(
    make_party: MakeParty, api: RelyingParty, kind: str, thief: str
) -> None:
    party, other = await make_party(), await make_party(method=thief)
    tokens = await party.log_in(scope=SCOPE)

    foreign, unknown = await other.revoke(tokens.body[kind]), await other.revoke("nothing")

    require_revoked(foreign)
    assert {name for name, _ in foreign.headers.items()} == {name for name, _ in unknown.headers.items()}
    assert (await api.introspect(tokens.access_token)).active
    assert (await party.refresh(tokens.refresh_token)).status == 200


@pytest.mark.requirement("security 22: another client's token is not revoked")
async def test_the_resource_server_cannot_revoke_what_was_issued_for_it(party: RelyingParty, api: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)

    require_revoked(await api.revoke(tokens.access_token))

    assert (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("security 22: 200 for unknown")
@pytest.mark.parametrize("method", METHODS)
async def test_what_is_no_token_of_ours_is_answered_alike(make_party: MakeParty, method: str) -> None:
    party = await make_party(method=method)
    tokens = await party.log_in(scope=SCOPE)
    unknown = [
        "x",
        "a.b.c",
        "....",
        "vk_rt_",
        "vk_rt_" + "A" * 70,
        "vk_ac_" + "A" * 43,
        "eyJhbGciOiJub25lIn0.e30.",
        tokens.body["id_token"],
        tokens.access_token[:-1],
        altered(tokens.access_token, claims={"client_id": party.client.client_id, "jti": "x"}),
        tokens.refresh_token + "A",
        "é" * 100,
        "%",
        "x" * 20_000,
    ]

    for token in unknown:
        require_revoked(await party.revoke(token))

    assert (await party.refresh(tokens.refresh_token)).status == 200


@pytest.mark.requirement("RFC 7009 §2: only tokens are revoked")
async def test_a_code_cannot_be_revoked_and_stays_good(party: RelyingParty) -> None:
    code = await party.authorize()

    require_revoked(await party.revoke(code.code))

    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("RFC 7009 §2: a session is not ended by its ID token")
async def test_an_id_token_cannot_be_revoked_and_takes_nothing_along(party: RelyingParty, api: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)

    require_revoked(await party.revoke(tokens.body["id_token"]))

    assert (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("RFC 7009 §2.2: revoking twice is no error")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_token_can_be_revoked_again(party: RelyingParty, api: RelyingParty, kind: str) -> None:
    tokens = await party.log_in(scope=SCOPE)

    for _ in range(3):
        require_revoked(await party.revoke(tokens.body[kind]))

    assert not (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("RFC 7009 §2.2: an expired token is as good as revoked")
async def test_an_expired_token_can_be_revoked(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    tokens = await party.log_in(scope=SCOPE)
    aging.clock.advance(days=91)

    require_revoked(await party.revoke(tokens.access_token))
    require_revoked(await party.revoke(tokens.refresh_token))


@pytest.mark.requirement("RFC 7009 §2.1: the token parameter is required")
@pytest.mark.parametrize("pairs", [[], [("token", "")], [("token", "x"), ("token", "y")], [("tokens", "x")]], ids=str)
async def test_a_request_without_one_token_is_malformed(
    party: RelyingParty, wire: Wire, pairs: list[tuple[str, str]]
) -> None:
    headers, fields = credentials_of(party)

    require_refusal(await wire.form("/revoke", [*pairs, *fields], headers), "invalid_request")


@pytest.mark.requirement("RFC 7009 §2.1: the client authenticates first")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_client_that_cannot_authenticate_revokes_nothing(
    make_party: MakeParty, party: RelyingParty, api: RelyingParty, kind: str
) -> None:
    impostor = await make_party(replace(party.client, client_secret="w" * 43))
    tokens = await party.log_in(scope=SCOPE)

    require_refusal(await impostor.revoke(tokens.body[kind]), "invalid_client")

    assert (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("security 23: nothing minted from a revoked grant is active")
async def test_after_revocation_has_answered_nothing_that_was_refreshed_meanwhile_is_active(
    party: RelyingParty, api: RelyingParty
) -> None:
    for _ in range(5):
        tokens = await party.log_in(scope=SCOPE)

        *refreshes, revoked = await asyncio.gather(
            *(party.refresh(tokens.refresh_token) for _ in range(4)), party.revoke(tokens.refresh_token)
        )

        require_revoked(revoked)
        minted = [reply for reply in refreshes if reply.status == 200]
        assert not any([(await api.introspect(reply.access_token)).active for reply in (tokens, *minted)])
        for reply in minted:
            require_refusal(await party.refresh(reply.refresh_token), "invalid_grant")
