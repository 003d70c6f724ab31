"""RFC 8707 at the token endpoint: a token for one of the resources that were granted, and for no other."""

import pytest

from support.administration import API, OTHER_API, Administration
from support.eventually import eventually
from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.systems import MakeParty
from support.tokens import claims_of

SCOPE = "openid offline_access api:read other:read"
METHODS = ("client_secret_basic", "none")
BAD = {
    "not granted": "https://third.example/",
    "almost": f"{API}/",
    "longer": f"{API}v1",
    "other case": API.upper(),
    "fragment": f"{API}#x",
    "empty fragment": f"{API}#",
    "relative": "/api",
    "no URI": "api",
    "control character": f"{API}\n",
    "space": f"{API} {OTHER_API}",
    "not ASCII": "https://é.example/",
    "too long": f"{API}{'a' * 600}",
    "the issuer's wildcard": "*",
}


@pytest.fixture
async def wide(make_party: MakeParty, administration: Administration) -> RelyingParty:
    """A client of both resource servers."""
    scope = ("openid", "offline_access", "api:read", "api:write", "other:read")
    return await make_party(await administration.create_web_client(scope=scope))


async def redeem(party: RelyingParty, code: CodeResponse, *resources: str) -> Reply:
    """Redeem with any number of ``resource`` parameters."""
    return await party.post(
        "/token",
        [
            ("grant_type", "authorization_code"),
            ("code", code.code),
            ("code_verifier", code.verifier),
            *(("resource", resource) for resource in resources),
        ],
    )


async def refresh(party: RelyingParty, reply: Reply, *resources: str) -> Reply:
    return await party.post(
        "/token",
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", reply.refresh_token),
            *(("resource", resource) for resource in resources),
        ],
    )


def audience_and_scope(reply: Reply) -> tuple[object, str]:
    assert reply.status == 200, reply.body
    claims = claims_of(reply.access_token)
    assert reply.body["scope"] == claims["scope"]
    return claims["aud"], claims["scope"]


WHOLE = ([API, OTHER_API], SCOPE)
NARROWED = (
    ((), WHOLE),
    ((API,), (API, "openid offline_access api:read")),
    ((OTHER_API,), (OTHER_API, "openid offline_access other:read")),
    ((API, OTHER_API), WHOLE),
    ((OTHER_API, API), ([OTHER_API, API], SCOPE)),
    ((API, API), (API, "openid offline_access api:read")),
    (("", API), (API, "openid offline_access api:read")),
    (("",), WHOLE),
)


@pytest.mark.requirement("RFC 8707 §2.2: a token for some of the granted resources, with their scopes only")
@pytest.mark.parametrize(("asked", "given"), NARROWED)
async def test_a_code_gives_a_token_for_the_resources_that_are_asked_for(
    wide: RelyingParty, asked: tuple[str, ...], given: tuple[object, str]
) -> None:
    reply = await redeem(wide, await wide.authorize(scope=SCOPE), *asked)

    assert audience_and_scope(reply) == given
    assert audience_and_scope(await refresh(wide, reply)) == WHOLE


@pytest.mark.requirement("RFC 8707 §2.2: a token for some of the granted resources, with their scopes only")
@pytest.mark.parametrize(("asked", "given"), NARROWED)
async def test_a_refresh_gives_a_token_for_the_resources_that_are_asked_for(
    wide: RelyingParty, asked: tuple[str, ...], given: tuple[object, str]
) -> None:
    first = await wide.log_in(scope=SCOPE)

    second = await refresh(wide, first, *asked)

    assert audience_and_scope(second) == given
    assert audience_and_scope(await refresh(wide, second)) == WHOLE


@pytest.mark.requirement("RFC 8707 §2.2: invalid_target costs nothing")
@pytest.mark.parametrize("name", BAD)
async def test_asking_for_another_resource_leaves_the_code_redeemable(wide: RelyingParty, name: str) -> None:
    code = await wide.authorize(scope=SCOPE)

    for asked in ((BAD[name],), (API, BAD[name])):
        require_refusal(await redeem(wide, code, *asked), "invalid_target")

    assert audience_and_scope(await redeem(wide, code)) == WHOLE


@pytest.mark.requirement("RFC 8707 §2.2: invalid_target costs nothing")
@pytest.mark.parametrize("name", BAD)
async def test_asking_for_another_resource_does_not_rotate(wide: RelyingParty, name: str) -> None:
    first = await wide.log_in(scope=SCOPE)

    for asked in ((BAD[name],), (API, BAD[name])):
        require_refusal(await refresh(wide, first, *asked), "invalid_target")

    second = await refresh(wide, first)
    assert audience_and_scope(second) == WHOLE
    assert (await refresh(wide, second)).status == 200


@pytest.mark.requirement("RFC 8707 §2.2: only what was granted")
@pytest.mark.parametrize("method", METHODS)
async def test_a_resource_the_client_could_have_asked_for_but_did_not_is_not_granted_later(
    make_party: MakeParty, administration: Administration, method: str
) -> None:
    client = await administration.create_web_client(method, scope=("openid", "api:read", "other:read"))
    party = await make_party(client)
    code = await party.authorize(scope="openid api:read")

    require_refusal(await redeem(party, code, OTHER_API), "invalid_target")
    first = await redeem(party, code)
    require_refusal(await refresh(party, first, OTHER_API), "invalid_target")

    assert claims_of(first.access_token)["aud"] == API


@pytest.mark.requirement("RFC 8707 §2: too many resources are refused")
async def test_the_number_of_resources_is_bounded(wide: RelyingParty) -> None:
    code = await wide.authorize(scope=SCOPE)

    refused = await redeem(wide, code, *(f"https://{number}.example/" for number in range(9)))

    require_refusal(refused, "invalid_target")
    assert (await redeem(wide, code, API)).status == 200


@pytest.mark.requirement("RFC 8707 §2.2: an invalid_target at redemption is no replay")
async def test_a_replay_that_asks_for_another_resource_is_a_replay(wide: RelyingParty, api: RelyingParty) -> None:
    code = await wide.authorize(scope=SCOPE)
    first = await redeem(wide, code)

    require_refusal(await redeem(wide, code, OTHER_API), "invalid_grant")

    assert not (await api.introspect(first.access_token)).active


@pytest.mark.requirement("security 19: bound to consented scope and resources")
async def test_a_resource_that_the_client_has_lost_cannot_be_asked_for_and_costs_nothing(
    wide: RelyingParty, administration: Administration
) -> None:
    replies = [await wide.log_in(scope=SCOPE)]
    code = await wide.authorize(scope=SCOPE)
    await administration.change_client(wide.client, scope=("openid", "offline_access", "api:read"))

    async def is_narrowed() -> bool:
        replies.append(await refresh(wide, replies[-1]))
        return bool(claims_of(replies[-1].access_token)["aud"] == API)

    await eventually(is_narrowed)
    require_refusal(await refresh(wide, replies[-1], OTHER_API), "invalid_target")
    require_refusal(await redeem(wide, code, OTHER_API), "invalid_target")
    for reply in (await refresh(wide, replies[-1]), await redeem(wide, code)):
        assert audience_and_scope(reply) == (API, "openid offline_access api:read")


@pytest.mark.requirement("RFC 8707 §2: a client may be registered for resources beside those of its scopes")
@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials"])
async def test_a_resource_without_scopes_can_be_asked_for_where_it_is_registered(
    make_party: MakeParty, administration: Administration, grant: str
) -> None:
    client = await administration.create_web_client(
        grants=("authorization_code", "client_credentials"),
        scope=("openid", "api:read"),
        resources=frozenset({OTHER_API}),
    )
    party = await make_party(client)

    if grant == "authorization_code":
        reply = await party.log_in(scope="openid", resource=OTHER_API)
        assert audience_and_scope(reply) == (OTHER_API, "openid")
    else:
        reply = await party.token(grant, resource=OTHER_API)
        assert audience_and_scope(reply) == (OTHER_API, "")
