"""Every public route, with every method and origin, answers as the table of routes says."""

from collections.abc import AsyncIterator

import pytest

from support.browser import Answer, Browser
from support.system import System
from valetkey.core.routes import ROUTES, Cache, Route

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ORIGINS = {"none": None, "another site": "https://app.example", "opaque": "null"}
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
EVERY_ORIGIN = pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser without cookies."""
    async with Browser() as opened:
        yield opened


@pytest.fixture
def url_of(system: System) -> dict[Route, str]:
    """Where each route is, past the front door."""
    return {route: f"{system.urls[route.service][0]}{route.path.format(name='valetkey.css')}" for route in ROUTES}


async def ask(browser: Browser, url: str, method: str, origin: str | None) -> Answer:
    headers = {} if origin is None else {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return await browser.request(method, url, headers=headers)


def is_preflight(route: Route, method: str, origin: str | None) -> bool:
    return method == "OPTIONS" and origin is not None and route.cross_origin


@pytest.mark.requirement("RFC 9110 §15.5.6: a 405 says what is allowed")
@EVERY_ORIGIN
@EVERY_METHOD
@EVERY_ROUTE
async def test_a_route_answers_its_methods_and_no_other(
    browser: Browser, url_of: dict[Route, str], route: Route, method: str, origin: str | None
) -> None:
    answer = await ask(browser, url_of[route], method, origin)

    if is_preflight(route, method, origin):
        assert answer.status == 204
    elif method in route.methods:
        assert answer.status in {200, 400, 401, 403}
    else:
        assert answer.status == 405
        assert answer.headers["Allow"].split(",") == sorted(route.methods)


@pytest.mark.requirement("security 8: CORS where a script is meant to call, never with cookies, and nowhere else")
@EVERY_ORIGIN
@EVERY_METHOD
@EVERY_ROUTE
async def test_scripts_may_call_exactly_what_is_meant_for_them(
    browser: Browser, url_of: dict[Route, str], route: Route, method: str, origin: str | None
) -> None:
    answer = await ask(browser, url_of[route], method, origin)

    sent = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}
    every_answer = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, X-Trace-Id",
    }
    preflight = {
        **every_answer,
        "Access-Control-Allow-Methods": ", ".join(route.methods),
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "7200",
    }
    if origin is None or not route.cross_origin:
        assert sent == {}
    else:
        assert sent == (preflight if is_preflight(route, method, origin) else every_answer)
    assert not (route.cross_origin and "Set-Cookie" in answer.headers)


@pytest.mark.requirement("security 9: every answer, errors included: no framing, sniffing, referrer or storing")
@EVERY_ORIGIN
@EVERY_METHOD
@EVERY_ROUTE
async def test_a_route_has_the_headers_of_its_kind(
    browser: Browser, url_of: dict[Route, str], route: Route, method: str, origin: str | None
) -> None:
    answer = await ask(browser, url_of[route], method, origin)

    for name in ("X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options", "Content-Security-Policy"):
        assert len(answer.headers.getall(name)) == 1
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    if route.is_page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
    elif route.service != "authorize":
        assert policy == API_POLICY
        assert not answer.headers.get("Content-Type", "").startswith("text/html")


@pytest.mark.requirement("security 9: what is not meant to be kept says so; what is, says for how long")
@EVERY_ORIGIN
@EVERY_METHOD
@EVERY_ROUTE
async def test_a_route_may_be_cached_as_the_table_says(
    system: System, browser: Browser, url_of: dict[Route, str], route: Route, method: str, origin: str | None
) -> None:
    address = url_of[route]
    if route.cache is Cache.IMMUTABLE:
        tag = (await browser.get(address)).headers["ETag"]
        address = f"{address}?v={tag.strip(chr(34))[:12]}"

    answer = await ask(browser, address, method, origin)

    if is_preflight(route, method, origin):
        assert "Cache-Control" not in answer.headers
    elif answer.status != 200 or route.cache is Cache.NO_STORE:
        assert answer.headers["Cache-Control"] == "no-store"
    elif route.cache is Cache.MAX_AGE:
        assert answer.headers["Cache-Control"] == f"public, max-age={system.settings.jwks_max_age}"
    else:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
