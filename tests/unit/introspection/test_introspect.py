"""What a resource server learns about a token, and what it does not."""

from datetime import timedelta
from uuid import UUID

import pytest

from support.introspection import ADA, RESOURCE, World, basic, json_of
from support.rfc9068 import ISSUER, NOW, signer
from valetkey.core.oauth.errors import InvalidClient, InvalidRequest, TemporarilyUnavailable
from valetkey.core.oauth.revocation import (
    RevocationTarget,
    authorization_target,
    client_target,
    subject_target,
    token_target,
)
from valetkey.introspection.endpoints import introspect

INACTIVE = {"active": False}
AUTHORIZATION = UUID("11111111-2222-4333-8444-555555555555")


async def ask(world: World, token: str, caller: str = "api") -> object:
    return json_of(await introspect(world.post("/introspect", {"token": token}, basic(caller))))


@pytest.mark.requirement("RFC 7662 §2.2: the response describes an active token")
async def test_the_resource_server_learns_what_the_token_says_and_nothing_else(world: World) -> None:
    claims = world.claims()
    token = world.keys.signers[0].token(claims)

    answer = await ask(world, token)

    assert answer == {
        "active": True,
        "token_type": "Bearer",
        "scope": "openid orders.read",
        "client_id": "web",
        "sub": str(ADA.subject),
        "aud": RESOURCE,
        "iss": ISSUER,
        "jti": claims["jti"],
        "iat": claims["iat"],
        "exp": claims["exp"],
        "auth_time": claims["auth_time"],
        "acr": "urn:valetkey:acr:password",
        "amr": ["pwd"],
    }


@pytest.mark.requirement("RFC 7662 §2.2: introspection responses are not cached")
async def test_no_answer_may_be_stored(world: World) -> None:
    response = await introspect(world.post("/introspect", {"token": world.token()}, basic("api")))

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.requirement("security 32: a token for another audience is active: false and nothing more")
@pytest.mark.parametrize(
    ("caller", "audience", "active"),
    [
        ("api", RESOURCE, True),
        ("api", ["https://else.example", RESOURCE], True),
        ("api", "https://else.example", False),
        ("api", RESOURCE + "/", False),
        ("api", ISSUER, False),
        ("other-api", RESOURCE, False),
        ("web", RESOURCE, True),
        ("web", ISSUER, True),
    ],
)
async def test_only_the_audience_and_the_tokens_own_client_learn_anything(
    world: World, caller: str, audience: object, active: bool
) -> None:
    answer = await ask(world, world.token(aud=audience), caller)

    assert isinstance(answer, dict)
    assert answer["active"] is active
    assert active or answer == INACTIVE


@pytest.mark.requirement("security 33: malformed, huge, foreign, expired and revoked tokens look alike")
@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "." * 100,
        "e30.e30.",
        "x" * 60_000,
        "ünïcödé",
        "vk_rt_" + "A" * 60,
        signer("ES256", "unknown").token({"iss": ISSUER}),
        signer("ES256").token(b"[]"),
        signer("ES256").token(b"\xff"),
        signer("ES256").token({}),
    ],
)
async def test_whatever_is_no_token_of_ours_is_inactive(world: World, token: str) -> None:
    assert await ask(world, token) == INACTIVE


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"exp": int(NOW.timestamp())},
        {"exp": None},
        {"exp": "tomorrow"},
        {"jti": "not-ours"},
        {"jti": None},
        {"sub": None},
        {"client_id": 7},
        {"aud": None},
        {"scope": 'a"b'},
        {"scope": None},
    ],
    ids=str,
)
async def test_a_token_with_claims_that_we_do_not_write_is_inactive(world: World, changed: dict[str, object]) -> None:
    assert await ask(world, world.token(**changed)) == INACTIVE


@pytest.mark.requirement("security 28: one kind of JWT is never taken for another")
@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "AT+JWT", None])
async def test_another_kind_of_jwt_is_inactive(world: World, typ: str | None) -> None:
    ours = world.keys.signers[0]

    token = ours.token(world.claims(), {**ours.header, "typ": typ})

    assert await ask(world, token) == INACTIVE


async def test_a_token_dies_with_its_expiry_although_its_signature_is_remembered(world: World) -> None:
    token = world.token()
    await ask(world, token)

    world.clock.advance(600)

    assert await ask(world, token) == INACTIVE
    assert len(world.verified) == 0


@pytest.mark.requirement("security 28: a key that is no longer published verifies nothing")
async def test_a_token_dies_with_its_key_although_its_signature_is_remembered(world: World) -> None:
    token = world.token()
    await ask(world, token)

    world.keys.publish(signer("ES256", "successor"))

    assert await ask(world, token) == INACTIVE


async def test_forged_tokens_cannot_fill_the_memory_of_checked_tokens() -> None:
    world = World(size=3)

    for _ in range(10):
        await ask(world, "garbage")
        await ask(world, world.token())

    assert len(world.verified) == 3


async def test_the_token_asked_for_most_recently_is_kept() -> None:
    world = World(size=2)
    token = world.token()
    kept = world.verified.verify(token, NOW)
    world.verified.verify(world.token(), NOW)

    world.verified.verify(token, NOW)
    world.verified.verify(world.token(), NOW)

    assert world.verified.verify(token, NOW) is kept


def targets(jti: str) -> list[RevocationTarget]:
    return [
        token_target(jti),
        authorization_target(AUTHORIZATION),
        client_target("web"),
        subject_target(str(ADA.subject)),
    ]


@pytest.mark.requirement("RFC 7009 §2: after revocation a token is not active")
@pytest.mark.parametrize("which", range(4))
async def test_each_kind_of_revocation_kills_the_token(world: World, which: int) -> None:
    claims = world.claims(authorization_id=AUTHORIZATION)
    token = world.keys.signers[0].token(claims)
    before = await ask(world, token)

    world.revocations.revoke(targets(claims["jti"])[which], NOW)

    assert before != INACTIVE
    assert await ask(world, token) == INACTIVE


@pytest.mark.parametrize("target", [client_target("web"), subject_target(str(ADA.subject))])
async def test_everything_issued_before_spares_what_is_issued_after_in_the_same_second(
    world: World, target: RevocationTarget
) -> None:
    world.revocations.revoke(target, NOW)

    answer = await ask(world, world.token(issued_at=NOW + timedelta(milliseconds=1)))

    assert answer != INACTIVE


async def test_revocation_is_asked_for_every_time_in_one_read(world: World) -> None:
    token = world.token()

    for _ in range(3):
        await ask(world, token)

    assert world.revocations.asked == 3


@pytest.mark.requirement("security 55: an unknowable revocation is never taken for none")
async def test_nothing_is_said_about_a_token_while_revocations_cannot_be_known(world: World) -> None:
    token = world.token()
    await ask(world, token)
    world.revocations.away = True

    with pytest.raises(TemporarilyUnavailable):
        await ask(world, token)


async def test_a_foreign_token_costs_no_read(world: World) -> None:
    await ask(world, world.token(aud="https://else.example"))
    await ask(world, "garbage")

    assert world.revocations.asked == 0


@pytest.mark.requirement("RFC 7662 §2.1: the caller is authenticated")
@pytest.mark.parametrize(
    "credentials",
    [basic("api", "wrong"), basic("unknown"), basic("disabled"), basic("spa"), ("Authorization", "Bearer x.y.z")],
    ids=["wrong secret", "unknown", "disabled", "public", "bearer"],
)
async def test_only_a_client_with_a_secret_may_ask(world: World, credentials: tuple[str, str]) -> None:
    request = world.post("/introspect", {"token": world.token()}, credentials)

    with pytest.raises(InvalidClient):
        await introspect(request)


@pytest.mark.requirement("security 26: public clients get no introspection")
async def test_a_client_id_alone_does_not_authenticate(world: World) -> None:
    request = world.post("/introspect", {"token": world.token(), "client_id": "spa"})

    with pytest.raises(InvalidClient):
        await introspect(request)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/introspect", ""),
        ("/introspect", "token="),
        ("/introspect", "token=a&token=b"),
        ("/introspect?token=a", ""),
        ("/introspect?token=a", "token=a"),
    ],
)
async def test_the_token_comes_once_and_in_the_body(world: World, path: str, form: str) -> None:
    request = world.post(path, form, basic("api"))

    with pytest.raises(InvalidRequest):
        await introspect(request)


async def test_a_hint_changes_nothing(world: World) -> None:
    form = {"token": world.token(), "token_type_hint": "refresh_token", "unknown": "x"}

    response = await introspect(world.post("/introspect", form, basic("api")))

    assert json_of(response)["active"] is True
