"""Who the user behind a token is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from support.introspection import ADA, World, json_of
from support.rfc9068 import ISSUER, NOW
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import subject_target
from valetkey.introspection.endpoints import userinfo


async def ask(world: World, token: str) -> web.Response:
    return await userinfo(world.get("/userinfo", ("Authorization", f"Bearer {token}")))


def challenge(response: web.Response) -> str:
    return response.headers["WWW-Authenticate"]


@pytest.mark.requirement("OIDC Core §5.3.2: UserInfo answers sub and the claims that the scope opens")
@pytest.mark.parametrize(
    ("scope", "requested", "expected"),
    [
        ("openid", [], {"sub"}),
        ("openid email", [], {"sub", "email", "email_verified"}),
        ("openid profile", [], {"sub", "name", "preferred_username", "updated_at"}),
        ("openid", ["email"], {"sub", "email"}),
        ("openid", ["password_hash", "iss", "valid_since"], {"sub"}),
    ],
)
async def test_the_scope_and_the_claims_request_open_claims(
    world: World, scope: str, requested: list[str], expected: set[str]
) -> None:
    response = await ask(world, world.token(scope=scope, userinfo_claims=requested))

    assert response.status == 200
    assert set(json_of(response)) == expected
    assert json_of(response)["sub"] == str(ADA.subject)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
async def test_a_users_attributes_cannot_reach_reserved_claims(world: World) -> None:
    forged = {"sub": "root", "iss": "https://evil.example", "email_verified": "yes", "preferred_username": "root"}
    world.users.known[ADA.subject] = replace(ADA, claims=forged)

    answer = json_of(await ask(world, world.token(scope="openid profile email")))

    assert (answer["sub"], answer["preferred_username"], answer["email_verified"]) == (str(ADA.subject), "ada", True)
    assert "iss" not in answer


@pytest.mark.parametrize("audience", [ISSUER, "https://api.example", ["https://a.example", ISSUER]])
async def test_any_access_token_of_ours_will_do(world: World, audience: object) -> None:
    assert (await ask(world, world.token(aud=audience))).status == 200


@pytest.mark.requirement("OIDC Core §5.3.1: UserInfo is served to GET and POST")
@pytest.mark.parametrize("where", ["header", "body"])
async def test_a_post_may_bring_the_token_in_the_header_or_in_the_body(world: World, where: str) -> None:
    token = world.token()
    form = {"access_token": token} if where == "body" else {}
    headers = [("Authorization", f"Bearer {token}")] if where == "header" else []

    response = await userinfo(world.post("/userinfo", form, *headers))

    assert response.status == 200


@pytest.mark.requirement("security 36: no error code when no credentials were sent")
@pytest.mark.parametrize("headers", [[], [("Authorization", "Basic YTpi")]])
async def test_without_a_token_the_challenge_names_no_error(world: World, headers: list[tuple[str, str]]) -> None:
    response = await userinfo(world.get("/userinfo", *headers))

    assert response.status == 401
    assert challenge(response).startswith("Bearer ")
    assert "error" not in challenge(response)


@pytest.mark.requirement("security 36: no tokens in the query; one method per request")
async def test_a_token_in_the_query_or_in_two_places_is_refused(world: World) -> None:
    token = world.token()
    bearer = ("Authorization", f"Bearer {token}")

    answers = [
        await userinfo(world.get(f"/userinfo?access_token={token}")),
        await userinfo(world.get(f"/userinfo?access_token={token}", bearer)),
        await userinfo(world.post("/userinfo", {"access_token": token}, bearer)),
        await userinfo(world.get("/userinfo", bearer, bearer)),
    ]

    assert [answer.status for answer in answers] == [400] * 4
    assert all('error="invalid_request"' in challenge(answer) for answer in answers)


@pytest.mark.requirement("RFC 6750 §3.1: insufficient_scope is 403 and names the scope")
@pytest.mark.parametrize("scope", ["orders.read", "openidx", "profile email"])
async def test_a_token_without_openid_is_refused(world: World, scope: str) -> None:
    response = await ask(world, world.token(scope=scope))

    assert response.status == 403
    assert 'error="insufficient_scope"' in challenge(response)
    assert 'scope="openid"' in challenge(response)


@pytest.mark.requirement("RFC 6750 §3.1: an expired, revoked or malformed token is invalid_token")
@pytest.mark.parametrize("why", ["malformed", "expired", "revoked", "disabled", "gone", "password changed"])
async def test_a_token_that_is_not_good_is_refused(world: World, why: str) -> None:
    token = world.token()
    match why:
        case "malformed":
            token = token[:-4]
        case "expired":
            world.clock.advance(600)
        case "revoked":
            world.revocations.revoke(subject_target(str(ADA.subject)), NOW)
        case "disabled":
            world.users.known[ADA.subject] = replace(ADA, enabled=False)
        case "gone":
            world.users.known.clear()
        case "password changed":
            world.users.known[ADA.subject] = replace(ADA, valid_since=NOW + timedelta(milliseconds=1))

    response = await ask(world, token)

    assert response.status == 401
    assert 'error="invalid_token"' in challenge(response)


@pytest.mark.requirement("RFC 9068 §5: a client's identifier is never taken for a user's")
async def test_a_client_that_is_named_like_a_user_is_not_that_user(world: World) -> None:
    response = await ask(world, world.token(client_id=str(ADA.subject), auth_time=None))

    assert response.status == 401


async def test_a_subject_that_is_no_user_of_ours_is_refused(world: World) -> None:
    assert (await ask(world, world.token(sub="web"))).status == 401


@pytest.mark.requirement("security 55: an unknowable revocation is never taken for none")
async def test_nothing_is_said_about_the_user_while_revocations_cannot_be_known(world: World) -> None:
    world.revocations.away = True

    with pytest.raises(TemporarilyUnavailable):
        await ask(world, world.token())
