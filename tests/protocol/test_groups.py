"""The claim ``groups``: a JSON array of strings, fresh each time, or left out."""

import json

import pytest

from support.administration import API, FULL_SCOPE, OTHER_API, Administration
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of
from valetkey.core.oidc.claims.policy.policy import ClaimPolicy

ASK_FOR_GROUPS = json.dumps({"id_token": {"groups": None}})
SCOPE = "openid groups offline_access"


@pytest.fixture
async def grouped(make_party: MakeParty, administration: Administration) -> RelyingParty:
    """A client that may ask for groups."""
    return await make_party(await administration.create_web_client(scope=(*FULL_SCOPE, "groups")))


async def put_into(administration: Administration, party: RelyingParty, *groups: str) -> None:
    assert party.person is not None
    for group in groups:
        await administration.put_into(group, party.person)


@pytest.mark.requirement("groups: the claim is a JSON array of strings, never anything else")
@pytest.mark.parametrize("count", [1, 2, 200])
async def test_user_info_has_an_array_of_all_groups_where_the_scope_opens_it(
    grouped: RelyingParty, administration: Administration, count: int
) -> None:
    names = await administration.create_groups(*(f"team-{number}" for number in range(count)))
    await put_into(administration, grouped, *names)

    with_scope = await grouped.userinfo((await grouped.log_in(scope="openid groups")).access_token)
    without = await grouped.userinfo((await grouped.log_in(scope="openid profile")).access_token)

    assert with_scope.body["groups"] == sorted(names)
    assert "groups" not in without.body


@pytest.mark.requirement("OIDC Core §5.3.2: a claim without a value is left out")
async def test_a_user_without_groups_has_no_such_claim(grouped: RelyingParty) -> None:
    tokens = await grouped.log_in(scope="openid groups", claims=ASK_FOR_GROUPS)

    assert (await grouped.userinfo(tokens.access_token)).body.keys() == {"sub"}
    assert "groups" not in claims_of(tokens.body["id_token"])


@pytest.mark.requirement("groups: fresh at every refresh, a removed membership is gone from the next token")
async def test_every_token_has_the_groups_of_its_moment(grouped: RelyingParty, administration: Administration) -> None:
    outer, kept = await administration.create_groups("outer", "kept")
    (inner,) = await administration.create_groups("inner", within=outer)
    await put_into(administration, grouped, inner, kept)
    assert grouped.person is not None

    first = await grouped.log_in(scope=SCOPE, claims=ASK_FOR_GROUPS)
    await administration.take_out_of(inner, grouped.person)
    second = await grouped.refresh(first.refresh_token)
    await administration.put_into(outer, grouped.person)
    third = await grouped.refresh(second.refresh_token)

    said = [claims_of(tokens.body["id_token"]).get("groups") for tokens in (first, second, third)]
    assert said == [sorted([inner, kept, outer]), [kept], sorted([kept, outer])]
    assert (await grouped.userinfo(first.access_token)).body["groups"] == said[2]


async def test_a_machine_cannot_ask_for_the_groups_of_a_user(
    make_party: MakeParty, administration: Administration
) -> None:
    machine = await make_party(await administration.create_machine(scope=("api:read", "groups")))

    asked = await machine.token("client_credentials", scope="groups")
    unasked = await machine.token("client_credentials")

    assert asked.error == "invalid_scope"
    assert unasked.body["scope"] == "api:read"


@pytest.mark.requirement("groups: a client that acts for itself has the groups and claims that its policy says")
async def test_a_machine_has_static_groups_and_claims(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    policy = {
        "groups": {"value": ["ci"], "in": ["access_token"]},
        "tenant": {"value": "acme", "in": [API]},
        "elsewhere": {"value": "x", "in": [OTHER_API]},
    }
    machine = await make_party(await administration.create_machine(claim_policy=ClaimPolicy.of(policy)))

    tokens = await machine.token("client_credentials")

    said, introspected = claims_of(tokens.access_token), await api.introspect(tokens.access_token)
    for claims in (said, introspected.body):
        assert (claims["groups"], claims["tenant"]) == (["ci"], "acme")
        assert "elsewhere" not in claims
    assert said["sub"] == machine.client.client_id
