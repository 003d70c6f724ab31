"""The JWK Set over HTTP. RFC 7517."""

from collections.abc import AsyncIterator

import pytest

from support.eventually import eventually
from support.introspection_server import IntrospectionServer, introspection_server, rotate, settings_for
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis


@pytest.fixture
async def server(postgres_dsn: str, redis_url: str) -> AsyncIterator[IntrospectionServer]:
    settings = settings_for(postgres_dsn, redis_url)
    await rotate(settings)
    async with introspection_server(settings) as server:
        yield server


async def kids(server: IntrospectionServer) -> set[str]:
    response = await server.get("/jwks")
    assert response.status == 200
    return {jwk["kid"] for jwk in (await response.json(content_type=None))["keys"]}


@pytest.mark.requirement("RFC 7517 §8.5.1: the media type of a JWK Set")
async def test_the_jwk_set_may_be_cached_for_as_long_as_rotation_waits(server: IntrospectionServer) -> None:
    response = await server.get("/jwks")

    assert response.status == 200
    assert response.content_type == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == f"public, max-age={server.settings.jwks_max_age}"


@pytest.mark.requirement("RFC 7517 §9.2: no private key is published")
async def test_every_key_is_public_and_says_what_it_is_for(server: IntrospectionServer) -> None:
    keys = (await (await server.get("/jwks")).json(content_type=None))["keys"]

    assert [set(jwk) for jwk in keys] == [{"kty", "crv", "x", "y", "kid", "alg", "use"}] * 2
    assert {(jwk["alg"], jwk["use"]) for jwk in keys} == {("ES256", "sig")}


@pytest.mark.requirement("RFC 9110 §13.1.2: If-None-Match with a current tag is answered with 304")
async def test_a_cached_jwk_set_is_answered_as_not_modified(server: IntrospectionServer) -> None:
    etag = (await server.get("/jwks")).headers["ETag"]

    unchanged = await server.get("/jwks", If_None_Match=etag)
    await server.rotate(emergency=True)

    assert (unchanged.status, await unchanged.read(), unchanged.headers["ETag"]) == (304, b"", etag)

    async def changed() -> bool:
        return (await server.get("/jwks", If_None_Match=etag)).status == 200

    await eventually(changed)


@pytest.mark.requirement("RFC 9110 §9.3.2: HEAD answers as GET does, without content")
async def test_head_tells_the_tag(server: IntrospectionServer) -> None:
    got = await server.get("/jwks")

    head = await server.request("HEAD", "/jwks")

    assert (head.status, await head.read()) == (200, b"")
    assert {name: head.headers[name] for name in ("ETag", "Cache-Control", "Content-Length")} == {
        name: got.headers[name] for name in ("ETag", "Cache-Control", "Content-Length")
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_jwk_set_is_only_read(server: IntrospectionServer, method: str) -> None:
    assert (await server.request(method, "/jwks")).status == 405


async def test_a_key_that_was_deleted_in_an_emergency_disappears_within_moments(server: IntrospectionServer) -> None:
    leaked = await kids(server)

    report = await server.rotate(emergency=True)

    async def replaced() -> bool:
        return await kids(server) == set(report.created)

    await eventually(replaced)
    assert leaked == set(report.deleted)


@pytest.mark.requirement("security 55: keys and discovery are served from memory while both stores are away")
async def test_the_jwk_set_and_the_metadata_outlive_both_stores(
    disposable_postgres: EmbeddedPostgres, disposable_redis: EmbeddedRedis
) -> None:
    settings = settings_for(disposable_postgres.dsn_of("valetkey"), disposable_redis.url)
    await rotate(settings)
    async with introspection_server(settings) as server:
        known = await kids(server)
        disposable_postgres.stop()
        disposable_redis.stop()

        assert await kids(server) == known
        metadata = await server.get("/.well-known/openid-configuration")
        assert (await metadata.json())["issuer"] == settings.issuer


@pytest.mark.requirement("security 55: without keys there is 503, not an empty set")
async def test_before_the_first_rotation_the_jwk_set_is_unavailable(postgres_dsn: str, redis_url: str) -> None:
    async with introspection_server(settings_for(postgres_dsn, redis_url), with_keys=False) as server:
        response = await server.get("/jwks")

        assert response.status == 503
        assert "Retry-After" in response.headers
        assert response.headers["Cache-Control"] == "no-store"
