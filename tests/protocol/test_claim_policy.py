"""Which claims a client gets where: ``id_token_claims`` and ``claim_policy``, for each grant and endpoint."""

import asyncio
import json
import secrets
from uuid import UUID

import pytest

from support.administration import API, OTHER_API, Administration
from support.eventually import eventually
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of
from valetkey.core.client.client import IdTokenClaims
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute
from valetkey.core.oidc.claims.policy.policy import ClaimPolicy
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.users import Users

SCOPE = "openid profile email offline_access"
OF_TOKEN = {"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "at_hash"}
OF_SCOPE = {"name", "given_name", "preferred_username", "updated_at", "email", "email_verified"}
OF_ACCESS_TOKEN = {"iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope", "epochs", "auth_time", "acr", "amr"}
POLICY = ClaimPolicy.of(
    {
        "username": {"from": "preferred_username", "in": ["id_token", API]},
        "email": {"in": ["userinfo", API]},
        "tenant": {"value": ["acme"], "in": ["id_token", "userinfo", "access_token"]},
    }
)


LONG = "x" * 25_000
OF_SCOPE_NAMED = {
    "groups": {"groups"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}


async def make_party_with_a_long_name(
    make_party: MakeParty, administration: Administration, place: str, **options: System
) -> RelyingParty:
    """A client that gets the name in tokens of one kind, and a user whose name fits into none."""
    client = await administration.create_web_client(
        claim_policy=ClaimPolicy.of({"name": {"in": [place]}}), id_token_claims=IdTokenClaims.NONE
    )
    return await make_party(client, await administration.create_user(claims={"name": LONG}), **options)


async def change_name(administration: Administration, party: RelyingParty, name: str) -> None:
    assert party.person is not None
    async with administration.database() as database:
        users = Users(database)
        found = await users.find_by_login_name(party.person.username)
        assert found is not None
        await users.update(found[0], administration.clock(), (), {"name": name})


@pytest.mark.requirement("OIDC Core §5.4: the ID token has the claims that the client is registered for")
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        (IdTokenClaims.SCOPES, OF_SCOPE),
        (IdTokenClaims.REQUESTED, {"name"}),
        (IdTokenClaims.NONE, set[str]()),
        (None, {"name"}),
    ],
)
async def test_the_id_token_has_the_claims_that_the_client_is_registered_for(
    make_party: MakeParty,
    administration: Administration,
    method: str,
    registered: IdTokenClaims | None,
    expected: set[str],
) -> None:
    party = await make_party(await administration.create_web_client(method, id_token_claims=registered))

    first = await party.log_in(scope=SCOPE, claims='{"id_token": {"name": null}}')
    second = await party.refresh(first.refresh_token)
    narrowed = await party.refresh(second.refresh_token, scope="openid email")

    assert claims_of(first.body["id_token"]).keys() == OF_TOKEN | expected
    assert claims_of(second.body["id_token"]).keys() == OF_TOKEN | expected
    fewer = {"email", "email_verified", "name"} & expected
    assert claims_of(narrowed.body["id_token"]).keys() == OF_TOKEN | fewer
    assert (await party.userinfo(first.access_token)).body.keys() == OF_SCOPE | {"sub"}
    assert claims_of(first.access_token).keys() == OF_ACCESS_TOKEN


async def log_in_with_policy(make_party: MakeParty, administration: Administration) -> RelyingParty:
    client = await administration.create_web_client(id_token_claims=IdTokenClaims.SCOPES, claim_policy=POLICY)
    return await make_party(client)


@pytest.mark.requirement("OIDC Core §5.1.2: further claims, and where they are returned, are the registration's")
async def test_a_policy_says_which_claims_are_where_at_redemption_and_refresh(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await log_in_with_policy(make_party, administration)
    assert party.person is not None
    name = party.person.username

    tokens = [await party.log_in(scope=f"{SCOPE} api:read")]
    tokens.append(await party.refresh(tokens[0].refresh_token))

    for each in tokens:
        id_token, access_token = claims_of(each.body["id_token"]), claims_of(each.access_token)
        extra = {"username", "tenant"}
        assert id_token.keys() == OF_TOKEN | OF_SCOPE - {"preferred_username", "email"} | extra
        assert access_token.keys() == OF_ACCESS_TOKEN | {"username", "tenant", "email"}
        assert (id_token["username"], access_token["username"]) == (name, name)
        assert id_token["tenant"] == access_token["tenant"] == ["acme"]
        userinfo = (await party.userinfo(each.access_token)).body
        assert userinfo.keys() == OF_SCOPE | {"sub", "tenant"}


@pytest.mark.requirement("security 32: an API learns nothing that was meant for another")
@pytest.mark.parametrize(
    ("resources", "expected"),
    [([API], {"username", "tenant", "email"}), ([OTHER_API], {"tenant"}), ([], {"tenant"})],
)
async def test_each_api_gets_what_the_policy_says_of_it_in_the_token_and_by_introspection(
    make_party: MakeParty,
    administration: Administration,
    resource_servers: dict[str, ClientIdentity],
    resources: list[str],
    expected: set[str],
) -> None:
    client = await administration.create_web_client(
        claim_policy=POLICY, resources=frozenset({API, OTHER_API}), scope=("openid", "profile", "email")
    )
    party = await make_party(client)

    token = (
        await party.log_in(scope="openid profile email", resource=resources[0] if resources else None)
    ).access_token

    assert claims_of(token).keys() == OF_ACCESS_TOKEN | expected
    for name, identity in resource_servers.items():
        answer = (await (await make_party(identity)).introspect(token)).body
        if {"api": API, "other": OTHER_API}[name] in resources:
            assert answer.keys() == OF_ACCESS_TOKEN - {"epochs"} | {"active", "token_type"} | expected
        else:
            assert answer == {"active": False}


async def test_a_machine_has_the_constants_and_nothing_of_a_user(
    make_party: MakeParty, administration: Administration
) -> None:
    machine = await make_party(await administration.create_machine(claim_policy=POLICY))

    token = (await machine.token("client_credentials", scope="api:read")).access_token

    claims = claims_of(token)
    assert claims["tenant"] == ["acme"]
    assert claims.keys() == OF_ACCESS_TOKEN - {"auth_time", "acr", "amr"} | {"tenant"}


@pytest.mark.requirement("security 35: reserved claims cannot be overridden, whatever is stored")
async def test_what_the_protocol_says_wins_over_a_policy_that_registration_would_refuse(
    make_party: MakeParty, administration: Administration
) -> None:
    names = ("iss", "sub", "aud", "scope", "client_id", "jti", "nonce", "acr", "epochs", "at_hash", "sid", "act")
    everywhere = ["id_token", "userinfo", "access_token"]
    policy = ClaimPolicy.of({name: {"value": "forged", "in": everywhere} for name in names})
    party = await make_party(await administration.create_web_client(claim_policy=policy))

    tokens = await party.log_in(scope=SCOPE, nonce="n")

    told = [claims_of(tokens.body["id_token"]), claims_of(tokens.access_token)]
    told += [
        reply.body for reply in (await party.userinfo(tokens.access_token), await party.introspect(tokens.access_token))
    ]
    assert not [claims for claims in told if "forged" in claims.values()]


@pytest.mark.requirement("OIDC Core §5.4: a scope that an API owns opens no claim, whatever it is called")
@pytest.mark.parametrize("name", ["groups", "address", "phone"])
async def test_a_scope_of_an_api_opens_no_claim(start_system: StartSystem, make_party: MakeParty, name: str) -> None:
    system = await asyncio.to_thread(start_system)
    administration = system.administration
    async with administration.database() as database:
        await CatalogStore(database).put_scope(RegisteredScope(name, "Things of the API", API))
    policy = ClaimPolicy.of({f"{each}_copy": {"from": each, "in": ["access_token"]} for each in OF_SCOPE_NAMED[name]})
    client = await administration.create_web_client(
        scope=("openid", name), id_token_claims=IdTokenClaims.SCOPES, claim_policy=policy
    )
    person = await administration.create_user(
        claims={"address": {"locality": "London"}, "phone_number": "+44 20 7946 0000", "phone_number_verified": True}
    )
    await administration.put_into((await administration.create_groups("ops"))[0], person)
    party = await make_party(client, person, at=system)

    tokens = await party.log_in(scope=f"openid {name}", resource=API)
    at_home = await party.log_in(scope=f"openid {name}")

    told = [claims_of(each.body[kind]) for each in (tokens, at_home) for kind in ("id_token", "access_token")]
    told.append((await party.userinfo(at_home.access_token)).body)
    assert not [claims for claims in told for each in OF_SCOPE_NAMED[name] if {each, f"{each}_copy"} & claims.keys()]
    asked = await party.log_in(
        scope=f"openid {name}", claims=json.dumps({"id_token": dict.fromkeys(OF_SCOPE_NAMED[name])})
    )
    assert claims_of(asked.body["id_token"]).keys() >= OF_SCOPE_NAMED[name]


@pytest.mark.requirement("RFC 6749 §5.2: what does not fit into a token is refused in words, and nothing is cut off")
@pytest.mark.parametrize("place", ["id_token", "access_token"])
async def test_claims_that_do_not_fit_into_a_token_are_a_visible_error(
    make_party: MakeParty, administration: Administration, place: str
) -> None:
    party = await make_party_with_a_long_name(make_party, administration, place)

    refused = await party.redeem(await party.authorize(scope=SCOPE))
    good = await party.log_in(scope="openid email")

    assert (refused.status, refused.error) == (400, "invalid_scope")
    assert refused.body["error_description"].startswith(
        "The claims of this scope do not fit into a token. Ask for less, or have its groups filtered."
    )
    assert good.status == 200


@pytest.mark.requirement(
    "RFC 6749 §5.2: what does not fit into a token costs the client neither its code nor its grant"
)
@pytest.mark.parametrize("place", ["id_token", "access_token"])
async def test_a_code_is_not_spent_for_claims_that_do_not_fit(
    make_party: MakeParty, administration: Administration, place: str
) -> None:
    party = await make_party_with_a_long_name(make_party, administration, place)
    response = await party.authorize(scope=SCOPE)
    refused = [await party.redeem(response) for _ in range(3)]
    await change_name(administration, party, "Ada")

    good = await party.redeem(response)
    again = await party.redeem(response)

    assert [(reply.status, reply.error) for reply in refused] == [(400, "invalid_scope")] * 3
    assert good.status == 200
    assert (again.status, again.error) == (400, "invalid_grant")


@pytest.mark.requirement(
    "RFC 6749 §5.2: what does not fit into a token costs the client neither its code nor its grant"
)
@pytest.mark.parametrize("grace", ["0", "10s"])
@pytest.mark.parametrize("place", ["id_token", "access_token"])
async def test_a_refresh_token_is_not_spent_for_claims_that_do_not_fit(
    start_system: StartSystem, make_party: MakeParty, place: str, grace: str
) -> None:
    system = await asyncio.to_thread(start_system, changes={"refresh_grace": grace})
    party = await make_party_with_a_long_name(make_party, system.administration, place, at=system)
    await change_name(system.administration, party, "Ada")
    first = (await party.log_in(scope=SCOPE)).refresh_token
    await change_name(system.administration, party, LONG)

    refused = [await party.refresh(first) for _ in range(3)]
    narrow = await party.refresh(first, scope="openid")
    await change_name(system.administration, party, "Ada")
    second = await party.refresh(narrow.refresh_token)
    reused = await party.refresh(first)

    assert [(reply.status, reply.error) for reply in refused] == [(400, "invalid_scope")] * 3
    assert (narrow.status, second.status) == (200, 200)
    assert (reused.status, reused.error) == (400, "invalid_grant")
    assert (await party.refresh(second.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("groups: the claim is a JSON array of strings, fresh at every refresh, under any policy")
async def test_groups_are_filtered_prefixed_and_renamed_where_the_policy_says(
    make_party: MakeParty, administration: Administration
) -> None:
    team, other = await administration.create_groups("team", "other")
    policy = {
        "groups": {"match": ["team-*"], "in": ["id_token", "access_token"]},
        "roles": {"from": "groups", "prefix": "vk:", "in": ["userinfo", "access_token"]},
    }
    client = await administration.create_web_client(
        scope=("openid", "groups", "offline_access"), claim_policy=ClaimPolicy.of(policy)
    )
    party = await make_party(client)
    assert party.person is not None
    await administration.put_into(team, party.person)
    await administration.put_into(other, party.person)

    first = await party.log_in(scope="openid groups offline_access")
    told = (await party.userinfo(first.access_token)).body
    await administration.take_out_of(team, party.person)
    second = await party.refresh(first.refresh_token)

    assert claims_of(first.body["id_token"])["groups"] == [team]
    assert claims_of(first.access_token)["groups"] == [team]
    assert claims_of(first.access_token)["roles"] == told["roles"] == sorted([f"vk:{team}", f"vk:{other}"])
    assert "groups" not in told
    assert "groups" not in claims_of(second.body["id_token"])
    assert claims_of(second.access_token)["roles"] == [f"vk:{other}"]


@pytest.mark.requirement("groups: an ID token with 200 groups is a hint all the same")
async def test_an_id_token_with_200_groups_can_be_a_hint(make_party: MakeParty, administration: Administration) -> None:
    names = await administration.create_groups(*(f"{number}-{'x' * 50}" for number in range(200)))
    party = await make_party(
        await administration.create_web_client(
            scope=("openid", "groups"),
            id_token_claims=IdTokenClaims.SCOPES,
        )
    )
    assert party.person is not None
    async with administration.database() as database:
        for name in names:
            await Groups(database).add_members({name: [UUID(party.person.subject)]})

    id_token = (await party.log_in(scope="openid groups")).body["id_token"]
    answer = await party.browser.post(
        f"{party.issuer}/logout", [("id_token_hint", id_token)], origin="https://client.example"
    )

    assert claims_of(id_token)["groups"] == sorted(names)
    assert len(id_token) > 8192
    assert answer.status == 200
    assert not answer.page.find_all("form"), "the hint was not believed"


@pytest.mark.requirement("OIDC Core §5.1.2: a custom attribute is a claim wherever a standard one is")
async def test_a_custom_attribute_is_a_claim_like_any_other(
    make_party: MakeParty, administration: Administration
) -> None:
    scope, name = f"hr-{secrets.token_hex(4)}", f"department_{secrets.token_hex(4)}"
    claim = f"https://acme.example/{name}"
    async with administration.database() as database:
        await CatalogStore(database).put_scope(RegisteredScope(scope, "See where you work"))
        await CatalogStore(database).put_attribute(UserAttribute(name, AttributeType.STRINGS, claim, scope))
    policy = ClaimPolicy.of({"unit": {"attribute": name, "prefix": "x-", "in": ["access_token"]}})
    client = await administration.create_web_client(
        scope=("openid", "offline_access", scope), id_token_claims=IdTokenClaims.SCOPES, claim_policy=policy
    )
    person = await administration.create_user(claims={name: ["r", "d"], "undeclared": "x"})
    party = await make_party(client, person)

    async def is_known() -> bool:
        tokens = await party.log_in(scope=f"openid {scope}")
        return claim in claims_of(tokens.body["id_token"]) and "unit" in claims_of(tokens.access_token)

    # A replica hears of a new scope and of a new attribute within moments.
    await eventually(is_known)
    first = await party.log_in(scope=f"openid offline_access {scope}")
    second = await party.refresh(first.refresh_token)
    without = await party.log_in(scope="openid")
    requested = await party.log_in(
        scope="openid", claims=json.dumps({"id_token": {claim: None, "undeclared": None}, "userinfo": {claim: None}})
    )

    for tokens in (first, second):
        assert claims_of(tokens.body["id_token"])[claim] == ["r", "d"]
        assert claims_of(tokens.access_token)["unit"] == ["x-r", "x-d"]
        assert (await party.userinfo(tokens.access_token)).body == {"sub": person.subject, claim: ["r", "d"]}
    assert claims_of(requested.body["id_token"])[claim] == ["r", "d"]
    assert "undeclared" not in claims_of(requested.body["id_token"])
    assert (await party.userinfo(requested.access_token)).body[claim] == ["r", "d"]
    assert claim not in claims_of(without.body["id_token"])
    assert "unit" not in claims_of(without.access_token)
    assert claim in (await party.get_json("/.well-known/openid-configuration")).body["claims_supported"]


@pytest.mark.requirement("security 60: an attribute that is gone is told of no more")
async def test_an_attribute_that_is_deleted_is_no_claim_any_more(
    make_party: MakeParty, administration: Administration
) -> None:
    name = f"badge_{secrets.token_hex(4)}"
    async with administration.database() as database:
        await CatalogStore(database).put_attribute(UserAttribute(name, AttributeType.INTEGER, name, "profile"))
    client = await administration.create_web_client(id_token_claims=IdTokenClaims.SCOPES)
    party = await make_party(client, await administration.create_user(claims={name: 7}))

    first = await party.log_in(scope="openid profile offline_access")
    async with administration.database() as database:
        await CatalogStore(database).delete_attribute(name, administration.clock())
    second = await party.refresh(first.refresh_token)

    assert claims_of(first.body["id_token"])[name] == 7
    assert name not in claims_of(second.body["id_token"])
    assert name not in (await party.userinfo(second.access_token)).body
