"""What every service may rely on about registered clients and the catalog."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from support.client_values import VALUES, client_with
from support.postgres import Stores, fake_stores, postgres_stores
from support.seed import make_client, make_resource_server
from valetkey.core.client.client import (
    AccessTokenTyp,
    AuthenticationMethod,
    Client,
    ClientSecret,
    ConsentPolicy,
    GrantType,
    PkcePolicy,
)
from valetkey.core.oauth.resource import RegisteredScope, ResourceServer
from valetkey.core.oauth.scope import USER_SCOPES
from valetkey.core.ports.clients import CatalogSource, ClientFinder
from valetkey.storage.postgres.caches.catalog_cache import CatalogCache
from valetkey.storage.postgres.caches.client_cache import ClientCache
from valetkey.storage.postgres.database.pool import Database

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WHOLE = Client(
    client_id="whole",
    uid=make_client().uid,
    client_name="Whole Tone \N{MUSICAL SYMBOL G CLEF}",
    token_endpoint_auth_method=AuthenticationMethod.POST,
    grant_types=frozenset(GrantType),
    redirect_uris=("https://b.example/", "https://a.example/?x=1"),
    post_logout_redirect_uris=("https://b.example/bye", "https://a.example/bye"),
    scope=("profile", "openid"),
    resources=frozenset({"https://api.example"}),
    resource="urn:example:whole",
    secrets=(ClientSecret(b"\x01" * 32), ClientSecret(b"\x02" * 32, NOW), ClientSecret(b"\x00" * 32)),
    id_token_signed_response_alg="RS256",
    default_max_age=0,
    client_uri="https://whole.example/",
    policy_uri="https://whole.example/policy",
    tos_uri="https://whole.example/tos",
    logo_uri="https://whole.example/logo.png",
    contacts=("b@whole.example", "a@whole.example"),
    pkce=PkcePolicy.OPTIONAL,
    consent=ConsentPolicy.TRUSTED,
    access_token_typ=AccessTokenTyp.JWT,
    software_id="Whole Tone \N{MUSICAL SYMBOL G CLEF}",
    enabled=False,
)


@dataclass
class Registry:
    """Stores, and the port over them."""

    stores: Stores
    clients: ClientFinder
    catalog: CatalogSource


@pytest.fixture(params=["fake", "store", "cache"])
def kind(request: pytest.FixtureRequest) -> tuple[str, Database | None]:
    is_real = request.param != "fake"
    return request.param, request.getfixturevalue("database") if is_real else None


@pytest.fixture
async def registry(kind: tuple[str, Database | None]) -> Registry:
    name, database = kind
    if database is None:
        stores = fake_stores()
        return Registry(stores, stores.clients, stores.catalog)
    stores = postgres_stores(database)
    if name == "store":
        return Registry(stores, stores.clients, stores.catalog)
    bound = timedelta(seconds=60)
    return Registry(
        stores,
        ClientCache(database, size=10, lifetime=bound, stale_lifetime=bound, clock=lambda: NOW),
        CatalogCache(database, "https://id.example", lifetime=bound, stale_lifetime=bound, clock=lambda: NOW),
    )


@pytest.mark.parametrize("client", [make_client(), make_client("spa", secret=None), WHOLE], ids=lambda c: c.client_id)
async def test_a_client_is_found_as_it_was_registered(registry: Registry, client: Client) -> None:
    await registry.stores.clients.insert(client, NOW)

    found = await registry.clients.find(client.client_id)

    assert found == client


@pytest.mark.parametrize("name", VALUES)
async def test_every_field_comes_back_as_it_was_registered(registry: Registry, name: str) -> None:
    client = client_with(name, VALUES[name].good)
    await registry.stores.clients.insert(client, NOW)

    assert await registry.clients.find(client.client_id) == client


@pytest.mark.parametrize("client_id", ["", "WEB", "web ", "we", "webb", "web\0", "*", "%", "w\u00e9b", "\ud800"])
async def test_nothing_else_is_found(registry: Registry, client_id: str) -> None:
    await registry.stores.clients.insert(make_client("web"), NOW)

    found = await registry.clients.find(client_id)

    assert found is None


async def test_a_client_registered_after_it_was_missed_is_found(registry: Registry) -> None:
    client = make_client()
    before = await registry.clients.find("web")
    await registry.stores.clients.insert(client, NOW)

    after = await registry.clients.find("web")

    assert before is None
    assert after == client


async def test_what_is_built_in_is_about_the_user(registry: Registry) -> None:
    catalog = await registry.catalog.get()

    assert set(catalog.scopes) == USER_SCOPES
    assert {scope.resource for scope in catalog.scopes.values()} == {None}
    assert catalog.resources == {}


async def test_the_catalog_holds_scopes_and_resource_servers(registry: Registry) -> None:
    server = make_resource_server("https://api.example", client_name="The API")
    await registry.stores.clients.insert(server, NOW)
    scope = RegisteredScope("read", "Read your things", "https://api.example")
    await registry.stores.catalog.put_scope(scope)

    catalog = await registry.catalog.get()

    assert catalog.scopes["read"] == scope
    assert catalog.resources == {"https://api.example": ResourceServer("https://api.example", "The API")}
