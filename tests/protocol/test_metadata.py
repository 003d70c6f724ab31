"""Both discovery documents over HTTP. RFC 8414, OIDC Discovery."""

from collections.abc import AsyncIterator

import pytest

from support.introspection_server import IntrospectionServer, introspection_server, settings_for
from valetkey.core.routes import AUTHORIZATION_SERVER, OPENID_CONFIGURATION, routes_of

DOCUMENTS = (AUTHORIZATION_SERVER, OPENID_CONFIGURATION)
AT_THE_ROOT = tuple(document.path for document in DOCUMENTS)
WITH_A_PATH = tuple(place for document in DOCUMENTS for place in document.paths("/tenant/a"))
REQUIRED = {
    # RFC 8414 §2
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "response_types_supported",
    # OIDC Discovery §3
    "jwks_uri",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
}


@pytest.fixture
async def server(postgres_dsn: str, redis_url: str) -> AsyncIterator[IntrospectionServer]:
    async with introspection_server(settings_for(postgres_dsn, redis_url)) as server:
        yield server


@pytest.fixture
async def tenant(postgres_dsn: str, redis_url: str) -> AsyncIterator[IntrospectionServer]:
    async with introspection_server(settings_for(postgres_dsn, redis_url, path="/tenant/a")) as server:
        yield server


@pytest.mark.requirement("RFC 8414 §3.2: metadata is a JSON object with the required members")
@pytest.mark.parametrize("place", AT_THE_ROOT)
async def test_the_metadata_has_what_clients_need(server: IntrospectionServer, place: str) -> None:
    response = await server.get(place)
    document = await response.json()

    assert response.status == 200
    assert document.keys() >= REQUIRED
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]


@pytest.mark.requirement("RFC 8414 §3.3: issuer is byte for byte the issuer the metadata was fetched for")
@pytest.mark.parametrize("place", WITH_A_PATH)
async def test_an_issuer_with_a_path_is_described_at_every_place_clients_look(
    tenant: IntrospectionServer, place: str
) -> None:
    document = await (await tenant.get(place)).json()

    assert document["issuer"] == "https://id.example.com/tenant/a"
    endpoints = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 7
    assert all(endpoint.startswith("https://id.example.com/tenant/a/") for endpoint in endpoints)


@pytest.mark.parametrize("place", AT_THE_ROOT)
async def test_an_issuer_with_a_path_has_no_metadata_elsewhere(tenant: IntrospectionServer, place: str) -> None:
    assert (await tenant.get(place)).status == 404


@pytest.mark.requirement("OIDC Discovery §3: the registered scopes are advertised")
async def test_the_registered_scopes_are_advertised(server: IntrospectionServer) -> None:
    document = await (await server.get(AT_THE_ROOT[0])).json()

    assert document["scopes_supported"] == [
        *("address", "email", "groups", "offline_access", "openid", "phone", "profile"),
    ]


@pytest.mark.parametrize("place", AT_THE_ROOT)
async def test_the_metadata_may_be_cached_and_is_not_sent_twice(server: IntrospectionServer, place: str) -> None:
    first = await server.get(place)

    second = await server.get(place, If_None_Match=first.headers["ETag"])

    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert second.status == 304


@pytest.mark.requirement("security 48: Host and X-Forwarded-* never reach the metadata")
async def test_no_header_reaches_the_metadata(server: IntrospectionServer) -> None:
    lures = {"Host": "evil.example", "X_Forwarded_Host": "evil.example", "Forwarded": "host=evil.example;proto=http"}

    response = await server.get(AT_THE_ROOT[0], **lures)

    assert "evil" not in await response.text()


@pytest.mark.requirement("security 8: scripts of any origin may read public documents, without cookies")
@pytest.mark.parametrize("place", [route.path for route in routes_of("introspection") if route.cross_origin])
async def test_scripts_of_any_origin_may_call_what_is_meant_for_them(server: IntrospectionServer, place: str) -> None:
    preflight = await server.request(
        "OPTIONS", place, Origin="https://spa.example", Access_Control_Request_Method="GET"
    )
    response = await server.get(place, Origin="https://spa.example")

    assert preflight.status == 204
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.requirement("security 8: no CORS where a client's secret is needed")
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_no_script_may_introspect(server: IntrospectionServer, method: str) -> None:
    response = await server.request(
        method, "/introspect", Origin="https://spa.example", Access_Control_Request_Method="POST"
    )

    assert response.status in {400, 405}
    assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.requirement("security 33: GET is refused")
@pytest.mark.parametrize("path", ["/introspect", "/introspect?token=x"])
async def test_introspection_by_get_is_refused(server: IntrospectionServer, path: str) -> None:
    response = await server.get(path)

    assert response.status == 405
    assert response.headers["Allow"] == "POST"
