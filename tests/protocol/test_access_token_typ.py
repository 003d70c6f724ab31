"""The `typ` of access tokens is their resource server's; whichever it is, no token is taken for one of another kind."""

import secrets

import pytest

from support.administration import API, CALLBACK, Administration
from support.eventually import eventually
from support.front_channel import response_of
from support.relying_party import ClientIdentity, RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of, header_of
from valetkey.core.client.client import AccessTokenTyp, GrantType

SPRING = {"access_token_typ": AccessTokenTyp.JWT}
SCOPE = "openid profile offline_access"


@pytest.fixture
async def spring(administration: Administration, make_party: MakeParty) -> tuple[str, ClientIdentity]:
    """A resource server whose decoder knows no other `typ` than JWT, once every service has heard of it."""
    resource = f"https://spring-{secrets.token_hex(4)}.example"
    identity = await administration.create_client(name="spring", resource=resource, **SPRING)
    machine = await make_party(await administration.create_machine(resources=frozenset({resource})))

    async def is_known() -> bool:
        return (await machine.token("client_credentials", scope="api:read", resource=resource)).status == 200

    await eventually(is_known)
    return resource, identity


async def party_for(make_party: MakeParty, administration: Administration, resource: str) -> RelyingParty:
    grants = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.CLIENT_CREDENTIALS)
    return await make_party(
        await administration.create_web_client(
            grants=grants, resources=frozenset({resource}), scope=(*SCOPE.split(), "api:read")
        )
    )


async def tokens_of(party: RelyingParty, resource: str) -> dict[str, str]:
    """An access token of each grant."""
    first = await party.log_in(scope=SCOPE, resource=resource)
    second = await party.refresh(first.refresh_token)
    machine = await party.token("client_credentials", scope="api:read", resource=resource)
    return {"code": first.access_token, "refresh": second.access_token, "machine": machine.access_token}


@pytest.mark.requirement("RFC 9068 §2.1: typ is at+jwt, unless the resource server is registered for another")
async def test_every_grant_makes_the_typ_of_the_resource_server(
    make_party: MakeParty, administration: Administration, spring: tuple[str, ClientIdentity]
) -> None:
    party = await party_for(make_party, administration, spring[0])

    assert {header_of(token)["typ"] for token in (await tokens_of(party, spring[0])).values()} == {"JWT"}
    assert {header_of(token)["typ"] for token in (await tokens_of(party, API)).values()} == {"at+jwt"}
    assert header_of((await party.log_in(scope="openid")).access_token)["typ"] == "at+jwt"


@pytest.mark.requirement("RFC 9068 §2.1: for several resources it is at+jwt unless all of them want the other")
async def test_a_token_for_both_kinds_is_at_jwt(
    make_party: MakeParty, administration: Administration, spring: tuple[str, ClientIdentity]
) -> None:
    machine = await make_party(await administration.create_machine(resources=frozenset({spring[0]})))
    asked = [("grant_type", "client_credentials"), ("resource", spring[0]), ("resource", API)]

    token = (await machine.post("/token", asked)).access_token

    assert set(claims_of(token)["aud"]) == {spring[0], API}
    assert header_of(token)["typ"] == "at+jwt"


async def test_introspection_userinfo_and_revocation_take_it(
    make_party: MakeParty, administration: Administration, spring: tuple[str, ClientIdentity]
) -> None:
    resource, identity = spring
    party = await party_for(make_party, administration, resource)
    server = RelyingParty(party.issuer, identity)
    token = (await party.log_in(scope=SCOPE, resource=resource)).access_token

    before = await server.introspect(token)
    info = await party.userinfo(token)
    revoked = await party.revoke(token)
    after = await server.introspect(token)
    await server.browser.close()

    assert (before.active, before.body["aud"]) == (True, resource)
    assert party.person is not None
    assert info.body["sub"] == party.person.subject
    assert (revoked.status, after.body) == (200, {"active": False})


@pytest.mark.requirement("security 28: one kind of JWT is never taken for another, where both say JWT")
async def test_no_token_passes_for_one_of_the_other_kind(
    make_party: MakeParty, administration: Administration, spring: tuple[str, ClientIdentity]
) -> None:
    party = await party_for(make_party, administration, spring[0])
    tokens = await party.log_in(scope=SCOPE, resource=spring[0])
    id_token = tokens.body["id_token"]

    introspected = await party.introspect(id_token)
    info = await party.userinfo(id_token)
    hinted = await party.start(id_token_hint=tokens.access_token, prompt="none")
    logout = await party.browser.get(f"{party.issuer}/logout", [("id_token_hint", tokens.access_token)])

    assert introspected.body == {"active": False}
    assert (info.status, info.error) == (401, "invalid_token")
    assert response_of(hinted, CALLBACK).error == "invalid_request"
    assert logout.page.find_all("form"), "signed out without a question"
