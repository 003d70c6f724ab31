import logging

import pytest
from aiohttp import ClientSession, web

from support.http_layer import CANARY, Start, post
from valetkey.runtime.http.errors import Failure
from valetkey.runtime.http.server import RunningServer
from valetkey.runtime.settings.settings import Settings


@pytest.mark.requirement("RFC 6749 §5.2: errors of the token endpoint")
@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("refused", 400, "invalid_grant"),
        ("not authenticated", 401, "invalid_client"),
        ("away", 503, "temporarily_unavailable"),
        ("bug", 500, "server_error"),
    ],
)
async def test_a_refusal_is_json_with_a_reference_and_without_its_reason(
    server: RunningServer, http: ClientSession, caplog: pytest.LogCaptureFixture, outcome: str, status: int, error: str
) -> None:
    caplog.set_level(logging.INFO)

    response = await post(http, server, outcome=outcome)

    body = await response.json()
    assert (response.status, body["error"]) == (status, error)
    assert body["reference"] == response.headers["X-Trace-Id"]
    assert set(body) == {"error", "error_description", "reference"}
    assert response.headers["Cache-Control"] == "no-store"
    assert CANARY not in await response.text() + str(response.headers)
    assert CANARY in "".join(str(vars(record)) for record in caplog.records)


async def test_a_client_that_failed_to_authenticate_is_challenged(server: RunningServer, http: ClientSession) -> None:
    response = await post(http, server, outcome="not authenticated")

    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_a_client_learns_when_to_come_back(server: RunningServer, http: ClientSession) -> None:
    response = await post(http, server, outcome="away")

    assert response.headers["Retry-After"] == "7"


@pytest.mark.requirement("security 49: errors never carry stack traces")
async def test_a_fault_of_the_renderer_itself_says_nothing_either(start: Start, http: ClientSession) -> None:
    async def broken(request: web.Request, failure: Failure) -> web.StreamResponse:
        raise RuntimeError(CANARY)

    response = await post(http, await start(render=broken), outcome="refused")

    assert response.status == 500
    assert await response.json() == {
        "error": "server_error",
        "error_description": "The server met an unexpected condition.",
        "reference": response.headers["X-Trace-Id"],
    }


async def test_a_service_can_render_failures_as_pages(start: Start, http: ClientSession) -> None:
    async def page(request: web.Request, failure: Failure) -> web.StreamResponse:
        return web.Response(text=f"<p>{failure.description}", status=failure.status, content_type="text/html")

    server = await start(render=page)

    for path in ("/nowhere", "/token"):
        async with http.get(server.url + path) as response:
            assert response.content_type == "text/html"


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [("GET", "/nowhere", 404, None), ("GET", "/token", 405, "POST"), ("TRACE", "/token", 405, "POST")],
)
async def test_wrong_addresses_and_methods_get_small_json(
    server: RunningServer, http: ClientSession, method: str, path: str, status: int, allow: str | None
) -> None:
    async with http.request(method, server.url + path) as response:
        assert (response.status, (await response.json())["error"]) == (status, "invalid_request")
        assert response.headers.get("Allow") == allow


@pytest.mark.requirement("security 9: security headers on every answer, errors included")
@pytest.mark.parametrize("path", ["/nowhere", "/token", "/userinfo", "/echo/x"])
async def test_every_answer_carries_the_security_headers(server: RunningServer, http: ClientSession, path: str) -> None:
    async with http.get(server.url + path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")
        assert response.headers["Server"] == "Valetkey"


async def test_a_loopback_issuer_does_not_pin_browsers_to_https(start: Start, http: ClientSession) -> None:
    server = await start(Settings(issuer="http://127.0.0.1:8080", port=0, management_port=0))

    async with http.get(f"{server.url}/echo/x") as response:
        assert "Strict-Transport-Security" not in response.headers


@pytest.mark.requirement("RFC 6750 §3.1: no error code where no credentials were sent")
async def test_a_protected_resource_challenges_without_an_error_where_nothing_was_sent(
    server: RunningServer, http: ClientSession
) -> None:
    async with http.get(f"{server.url}/userinfo") as response:
        assert (response.status, await response.read()) == (401, b"")
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="valetkey"'


@pytest.mark.requirement("security 36: no access token in the query")
async def test_a_token_in_the_query_is_refused_with_a_challenge(server: RunningServer, http: ClientSession) -> None:
    async with http.get(f"{server.url}/userinfo?access_token=x", headers={"Authorization": "Bearer x"}) as response:
        assert response.status == 400
        assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]
