"""What a machine is entitled to follows its registration and the catalog at once, however often it has asked before."""

from dataclasses import replace

import pytest

from support.changing_catalog import ChangingCatalog
from support.seed import make_client
from valetkey.core.client.client import Client, GrantType
from valetkey.core.oauth.errors import InvalidScope, InvalidTarget
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.token.grants.client_credentials import ClientCredentials

API, OTHER = "https://api.example.com/", "https://other.example.com/"
SCOPES = {"api:read": RegisteredScope("api:read", "Read", API), "api:write": RegisteredScope("api:write", "Write", API)}
CATALOG = Catalog(SCOPES, {API: ResourceServer(API, "API")})
CLIENT = replace(make_client(), grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}), scope=("api:read", "api:write"))
ALL, READ = Params.parse([]), Params.parse([("scope", "api:read")])


@pytest.fixture
def source() -> ChangingCatalog:
    return ChangingCatalog(CATALOG)


@pytest.fixture
def grant(source: ChangingCatalog) -> ClientCredentials:
    return ClientCredentials(source)


async def granted(grant: ClientCredentials, params: Params, client: Client = CLIENT) -> tuple[object, ...]:
    authorization = await grant.authorize(params, client)
    return authorization.scope, authorization.resources


async def test_different_questions_have_different_answers(grant: ClientCredentials) -> None:
    for _ in range(2):
        assert await granted(grant, ALL) == (("api:read", "api:write"), (API,))
        assert await granted(grant, READ) == (("api:read",), (API,))


async def test_every_token_has_an_authorization_of_its_own(grant: ClientCredentials) -> None:
    first, second = [await grant.authorize(READ, CLIENT) for _ in range(2)]

    assert first.authorization_id != second.authorization_id


async def test_a_scope_that_the_client_has_lost_is_refused(grant: ClientCredentials) -> None:
    await granted(grant, READ)

    with pytest.raises(InvalidScope):
        await granted(grant, READ, replace(CLIENT, scope=("api:write",)))


async def test_a_scope_that_is_no_longer_registered_is_refused(
    grant: ClientCredentials, source: ChangingCatalog
) -> None:
    await granted(grant, READ)
    source.catalog = Catalog({"api:write": SCOPES["api:write"]}, CATALOG.resources)

    with pytest.raises(InvalidScope):
        await granted(grant, READ)


async def test_a_refusal_is_repeated(grant: ClientCredentials) -> None:
    for _ in range(2):
        with pytest.raises(InvalidTarget):
            await granted(grant, Params.parse([("resource", OTHER)]))
