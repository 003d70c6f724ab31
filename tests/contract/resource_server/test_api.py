"""An API protected with the library, spoken to over HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from support.loopback_issuer import LoopbackIssuer
from support.rfc9068 import AUDIENCE, claims, signer
from valetkey.resource_server import ACCESS_TOKEN, Introspector, Protection, Verifier, protect, public, requires
from valetkey.resource_server.protection import Mode

Api = TestClient[web.Request, web.Application]

ES256 = signer("ES256")


@public
async def health(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def whoami(request: web.Request) -> web.Response:
    return web.json_response({"sub": request[ACCESS_TOKEN].subject})


@requires("read", "write")
async def change(request: web.Request) -> web.Response:
    return web.json_response({"scope": sorted(request[ACCESS_TOKEN].scope)})


@requires("admin")
async def administer(_: web.Request) -> web.Response:
    return web.Response(text="done")


@requires("write", introspect=True)
async def pay(_: web.Request) -> web.Response:
    return web.Response(text="paid")


class Report(web.View):
    """A view whose methods require different scopes."""

    @requires("read")
    async def get(self) -> web.Response:
        return web.json_response({"sub": self.request[ACCESS_TOKEN].subject})

    @requires("admin")
    async def delete(self) -> web.Response:
        return web.Response(text="deleted")


@asynccontextmanager
async def running_api(protection: Protection) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/whoami", whoami)
    app.router.add_post("/change", change)
    app.router.add_post("/administer", administer)
    app.router.add_post("/pay", pay)
    app.router.add_view("/report", Report)
    protect(app, protection)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def protection(verifier: Verifier, introspector: Introspector) -> Protection:
    return Protection("jwt", verifier=verifier, introspector=introspector)


@pytest.fixture
async def api(protection: Protection) -> AsyncIterator[Api]:
    async with running_api(protection) as client:
        yield client


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


@pytest.mark.requirement("RFC 6750 §2.1: the token comes in the Authorization header")
async def test_a_good_token_opens_the_api(issuer: LoopbackIssuer, api: Api) -> None:
    response = await api.get("/whoami", headers=bearer(issuer.token()))

    assert response.status == 200
    assert await response.json() == {"sub": "user-1"}


@pytest.mark.requirement("RFC 6750 §3.1: no error code when no credentials were sent")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize("path", ["/whoami", "/report", "/no-such-route"])
async def test_without_a_token_there_is_a_challenge_without_an_error_code(
    api: Api, path: str, headers: dict[str, str]
) -> None:
    response = await api.get(path, headers=headers)

    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="{AUDIENCE}"'
    assert response.headers["Cache-Control"] == "no-store"
    assert "error" not in await response.json()


async def test_a_public_route_needs_no_token_and_looks_at_none(api: Api) -> None:
    response = await api.get("/health", headers=bearer("rubbish"))

    assert response.status == 200


@pytest.mark.requirement("RFC 6750 §3.1: invalid_token")
async def test_a_bad_token_is_refused_with_a_fixed_description(issuer: LoopbackIssuer, api: Api) -> None:
    bodies = []
    for bad in ("rubbish", issuer.token(exp=1), issuer.token(aud="https://other.example"), issuer.token("k2")):
        response = await api.get("/whoami", headers=bearer(bad))
        assert response.status == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        bodies.append(await response.json())

    assert bodies[0]["error"] == "invalid_token"
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.requirement("RFC 6750 §3.1: insufficient_scope, with the scope that is needed")
@pytest.mark.parametrize(("method", "path"), [("POST", "/administer"), ("DELETE", "/report")])
async def test_a_token_without_the_scope_is_told_which(
    issuer: LoopbackIssuer, api: Api, method: str, path: str
) -> None:
    response = await api.request(method, path, headers=bearer(issuer.token()))

    assert response.status == 403
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    assert 'scope="admin"' in response.headers["WWW-Authenticate"]
    assert (await response.json())["scope"] == "admin"


@pytest.mark.parametrize(("method", "path"), [("POST", "/change"), ("GET", "/report")])
async def test_a_token_with_the_scope_passes(issuer: LoopbackIssuer, api: Api, method: str, path: str) -> None:
    response = await api.request(method, path, headers=bearer(issuer.token()))

    assert response.status == 200


@pytest.mark.parametrize("scope", ["read", "write", "READ WRITE", None])
async def test_every_scope_that_is_required_must_be_there(issuer: LoopbackIssuer, api: Api, scope: str | None) -> None:
    response = await api.post("/change", headers=bearer(issuer.token(scope=scope)))

    assert response.status == 403
    assert 'scope="read write"' in response.headers["WWW-Authenticate"]


@pytest.mark.requirement("security 36: tokens in query strings are refused")
@pytest.mark.parametrize("with_header", [True, False])
async def test_a_token_in_the_query_is_refused(issuer: LoopbackIssuer, api: Api, *, with_header: bool) -> None:
    good = issuer.token()

    response = await api.get("/whoami", params={"access_token": good}, headers=bearer(good) if with_header else {})

    assert response.status == 400
    assert (await response.json())["error"] == "invalid_request"


@pytest.mark.requirement("RFC 6750 §2.2: the form body is not accepted")
async def test_a_token_in_the_form_body_counts_for_nothing(issuer: LoopbackIssuer, api: Api) -> None:
    response = await api.post("/change", data={"access_token": issuer.token()})

    assert response.status == 401
    assert "error" not in await response.json()


@pytest.mark.requirement("RFC 6750 §3.1: more than one method or header is invalid_request")
async def test_several_authorization_headers_are_refused(issuer: LoopbackIssuer, api: Api) -> None:
    good = f"Bearer {issuer.token()}"

    response = await api.get("/whoami", headers=[("Authorization", good), ("Authorization", good)])

    assert response.status == 400
    assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]


@pytest.mark.requirement("security 55: dependencies away are 503 with Retry-After")
@pytest.mark.parametrize("mode", ["introspect", "both"])
async def test_an_introspection_outage_is_unavailable_and_never_valid(
    issuer: LoopbackIssuer, verifier: Verifier, introspector: Introspector, mode: Mode
) -> None:
    good = issuer.token()
    issuer.activate(good)
    issuer.break_down("/introspect", {"status": 503})
    async with running_api(Protection(mode, verifier=verifier, introspector=introspector)) as api:
        response = await api.get("/whoami", headers=bearer(good))

        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "WWW-Authenticate" not in response.headers
        assert (await response.json())["error"] == "temporarily_unavailable"


async def test_an_issuer_that_was_never_reached_is_unavailable(issuer: LoopbackIssuer, api: Api) -> None:
    await issuer.stop()

    response = await api.get("/whoami", headers=bearer(issuer.token()))

    assert response.status == 503


async def test_both_asks_only_about_tokens_that_verify(
    issuer: LoopbackIssuer, verifier: Verifier, introspector: Introspector
) -> None:
    good, expired = issuer.token(), issuer.token(exp=1)
    issuer.activate(good)
    issuer.activate(expired)
    async with running_api(Protection("both", verifier=verifier, introspector=introspector)) as api:
        refused = await api.get("/whoami", headers=bearer(expired))
        asked_before = issuer.requests["/introspect"]
        accepted = await api.get("/whoami", headers=bearer(good))
        issuer.answers.clear()
        revoked = await api.get("/whoami", headers=bearer(good))

        assert [refused.status, accepted.status, revoked.status] == [401, 200, 401]
        assert asked_before == 0
        assert issuer.requests["/introspect"] == 2


async def test_a_sensitive_route_asks_the_issuer_although_others_do_not(issuer: LoopbackIssuer, api: Api) -> None:
    good = issuer.token()
    issuer.activate(good)
    accepted = await api.post("/pay", headers=bearer(good))
    issuer.answers.clear()
    revoked = await api.post("/pay", headers=bearer(good))
    elsewhere = await api.post("/change", headers=bearer(good))
    issuer.break_down("/introspect")
    away = await api.post("/pay", headers=bearer(good))

    assert [accepted.status, revoked.status, elsewhere.status, away.status] == [200, 401, 200, 503]


async def test_a_sensitive_route_counts_the_scope_that_the_issuer_still_grants(
    issuer: LoopbackIssuer, api: Api
) -> None:
    good = issuer.token()
    issuer.activate(good, scope="read")

    response = await api.post("/pay", headers=bearer(good))

    assert response.status == 403


@pytest.mark.requirement("security 51: no token in logs")
async def test_no_token_and_no_text_from_a_token_is_logged(
    issuer: LoopbackIssuer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    refused = ES256.token(claims(iss="canary-issuer"), {**ES256.header, "kid": "canary-kid"})
    with caplog.at_level(logging.DEBUG, logger="valetkey"):
        await api.get("/whoami", headers=bearer(refused))
        await api.get("/whoami", headers=bearer(issuer.token(aud="canary-audience")))
        await api.get("/whoami", headers=bearer("canary-token"))

    assert "no key of that name" in caplog.text
    assert "canary" not in caplog.text
    assert refused not in caplog.text


async def test_connections_to_the_issuer_are_closed_when_the_api_stops(
    issuer: LoopbackIssuer, protection: Protection
) -> None:
    async with running_api(protection) as api:
        await api.get("/whoami", headers=bearer(issuer.token()))
        open_while_running = issuer.open_connections
    await asyncio.sleep(0.05)

    assert open_while_running > 0
    assert issuer.open_connections == 0
