"""A resource server that an earlier release let call itself by the issuer's name: no token is meant for it."""

import pytest

from support.administration import API, Administration
from support.front_channel import response_of
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.storage.postgres.tables.catalog import CatalogStore

SCOPE = "issuer:read"


@pytest.fixture(scope="module")
def former(start_system: StartSystem) -> System:
    """A system in which such a resource server is registered, with a scope."""
    return start_system()


@pytest.fixture(scope="module")
def issuer_api(former: System) -> ClientIdentity:
    async def register(administration: Administration) -> ClientIdentity:
        made = await administration.create_client(name="issuer-api", resource=former.issuer)
        async with administration.database() as database:
            await CatalogStore(database).put_scope(RegisteredScope(SCOPE, "Read things", former.issuer))
        return made

    return former.run(register(former.administration))


@pytest.mark.requirement("RFC 9068 §3: the issuer as the audience means no resource server")
async def test_it_may_not_introspect_tokens_that_are_for_no_resource(
    former: System, issuer_api: ClientIdentity, make_party: MakeParty
) -> None:
    party = await make_party(at=former)
    token = (await party.log_in(scope="openid")).access_token
    api = RelyingParty(former.issuer, issuer_api)

    of_its_client, of_the_resource_server = await party.introspect(token), await api.introspect(token)
    await api.browser.close()

    assert of_its_client.body["aud"] == former.issuer
    assert of_the_resource_server.body == {"active": False}


@pytest.mark.parametrize(
    "asked", [{"scope": "api:read", "resource": "{issuer}"}, {"scope": SCOPE}, {"scope": SCOPE, "resource": "{issuer}"}]
)
async def test_no_machine_gets_a_token_for_it(
    former: System, issuer_api: ClientIdentity, asked: dict[str, str]
) -> None:
    client = await former.administration.create_machine(
        scope=("api:read", SCOPE), resources=frozenset({former.issuer, API})
    )
    machine = RelyingParty(former.issuer, client)
    params = {name: value.replace("{issuer}", former.issuer) for name, value in asked.items()}

    reply = await machine.token("client_credentials", **params)
    await machine.browser.close()

    assert reply.error == ("invalid_scope" if asked["scope"] == SCOPE else "invalid_target")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"resource": "{issuer}"}, "invalid_target"),
        ({"scope": SCOPE}, "invalid_scope"),
        ({"resource": "{issuer}/"}, "invalid_target"),
    ],
)
async def test_no_user_is_asked_to_agree_to_it(
    former: System, issuer_api: ClientIdentity, make_party: MakeParty, asked: dict[str, str], error: str
) -> None:
    client = await former.administration.create_web_client(
        scope=("openid", SCOPE), resources=frozenset({former.issuer, API})
    )
    party = await make_party(client, at=former)
    params = {name: value.replace("{issuer}", former.issuer) for name, value in asked.items()}

    answer = await party.start(**params)

    assert response_of(answer, client.redirect_uri).error == error


async def test_userinfo_and_the_metadata_go_on(
    former: System, issuer_api: ClientIdentity, make_party: MakeParty
) -> None:
    party = await make_party(at=former)
    token = (await party.log_in(scope="openid")).access_token

    info = await party.userinfo(token)
    metadata = await party.browser.get(f"{former.issuer}/.well-known/oauth-authorization-server")

    assert info.body["sub"] == party.person.subject if party.person else None
    assert SCOPE not in metadata.text
    assert "api:read" in metadata.text
