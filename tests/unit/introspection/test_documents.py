"""The public documents: the JWK Set and the metadata."""

import pytest

from support.introspection import World, json_of
from support.rfc9068 import ISSUER, signer
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.scope import USER_SCOPES
from valetkey.introspection.endpoints import jwks, metadata

METADATA = "/.well-known/openid-configuration"


async def test_the_jwk_set_is_served_as_it_was_published(world: World) -> None:
    response = await jwks(world.get("/jwks"))

    assert json_of(response) == {"keys": [world.keys.signers[0].jwk]}
    assert response.headers["Content-Type"] == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.requirement("RFC 9110 §13.1.2: If-None-Match with a current tag is answered with 304")
@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"k1"', 304),
        ('W/"k1"', 304),
        ('"other", "k1"', 304),
        ("*", 304),
        ('"other"', 200),
        ("k1", 200),
        ('"', 200),
        ("", 200),
    ],
)
async def test_a_cached_jwk_set_is_not_sent_again(world: World, condition: str, status: int) -> None:
    response = await jwks(world.get("/jwks", ("If-None-Match", condition)))

    assert response.status == status
    assert response.headers["ETag"] == '"k1"'
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert bool(response.body) is (status == 200)


async def test_a_new_key_changes_the_tag(world: World) -> None:
    before = (await jwks(world.get("/jwks"))).headers["ETag"]
    world.keys.publish(*world.keys.signers, signer("ES256", "k2"))

    response = await jwks(world.get("/jwks", ("If-None-Match", before)))

    assert response.status == 200
    assert len(json_of(response)["keys"]) == 2


async def test_before_the_first_jwk_set_is_known_there_is_none(world: World) -> None:
    world.keys.away = True

    with pytest.raises(TemporarilyUnavailable):
        await jwks(world.get("/jwks"))


async def test_the_metadata_names_the_registered_scopes_as_they_are_now(world: World) -> None:
    before = await metadata(world.get(METADATA))
    world.catalog.register("openid", "invoices")

    after = await metadata(world.get(METADATA, ("If-None-Match", before.headers["ETag"])))

    assert json_of(before)["issuer"] == ISSUER
    assert json_of(before)["scopes_supported"] == ["openid", "orders.read"]
    assert json_of(after)["scopes_supported"] == ["invoices", "openid"]


async def test_unchanged_metadata_is_not_sent_again(world: World) -> None:
    before = await metadata(world.get(METADATA))

    after = await metadata(world.get(METADATA, ("If-None-Match", before.headers["ETag"])))

    assert after.status == 304


@pytest.mark.requirement("security 55: discovery is served while the stores are away")
@pytest.mark.parametrize(
    ("known_before", "scopes"),
    [(True, ["openid", "orders.read"]), (False, sorted(USER_SCOPES))],
)
async def test_the_metadata_outlives_the_catalog(world: World, known_before: bool, scopes: list[str]) -> None:
    if known_before:
        await metadata(world.get(METADATA))
    world.catalog.away = True

    response = await metadata(world.get(METADATA))

    assert json_of(response)["scopes_supported"] == scopes


@pytest.mark.requirement("security 48: Host and X-Forwarded-* never reach the metadata")
async def test_no_header_reaches_the_metadata(world: World) -> None:
    plain = json_of(await metadata(world.get(METADATA)))

    lured = json_of(
        await metadata(
            world.get(
                METADATA, ("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil")
            )
        )
    )

    assert lured == plain
