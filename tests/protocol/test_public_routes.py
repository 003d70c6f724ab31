"""Every public route, with every method and origin, answers as the table of routes says."""

from collections.abc import AsyncIterator

import pytest

from support.browser import Answer, Browser
from support.system import System
from valetkey.core.routes import CROSS_ORIGIN_HEADERS, PASSKEY_ENDPOINTS, ROUTES, Cache, Route

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ORIGINS = {"no origin": None, "another site": "https://app.example", "opaque": "null"}
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
EVERY_ANSWER = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After, X-Trace-Id",
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser without cookies."""
    async with Browser() as opened:
        yield opened


@pytest.mark.requirement("security 8: CORS where a script is meant to call, never with cookies, and nowhere else")
@pytest.mark.requirement("security 9: every answer, errors included: no framing, sniffing, referrer or storing")
@pytest.mark.requirement("RFC 9110 §15.5.6: a 405 says what is allowed")
@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_a_route_answers_as_the_table_says(
    system: System, browser: Browser, route: Route, method: str, origin: str | None
) -> None:
    address = await address_of(system, browser, route)
    headers = {} if origin is None else {"Origin": origin, "Access-Control-Request-Method": "POST"}

    answer = await browser.request(method, address, headers=headers)

    is_preflight = method == "OPTIONS" and origin is not None and route.cross_origin
    if is_preflight:
        assert answer.status == 204
        assert "Cache-Control" not in answer.headers
    else:
        require_method(answer, route, method)
        require_caching(answer, route, system.settings.jwks_max_age)
    # What is read may be kept by a shared cache, which serves scripts as well.
    may_be_called = origin is not None or method in {"GET", "HEAD"}
    require_cross_origin_headers(answer, route, is_called_by_a_script=may_be_called, is_preflight=is_preflight)
    require_security_headers(answer, route)


async def address_of(system: System, browser: Browser, route: Route) -> str:
    """Where the route is, past the front door; of a file, the address that names its content."""
    address = f"{system.urls[route.service][0]}{route.path.format(name='valetkey.css')}"
    if route.cache is not Cache.IMMUTABLE:
        return address
    tag = (await browser.get(address)).headers["ETag"]
    return f"{address}?v={tag[1:13]}"


def require_method(answer: Answer, route: Route, method: str) -> None:
    if method in route.methods:
        # The issuer of these tests is an address, for which there are no passkeys.
        assert answer.status in ({404} if route is PASSKEY_ENDPOINTS else {200, 303, 400, 401, 403, 410})
    else:
        assert answer.status == 405
        assert answer.headers["Allow"].split(",") == sorted(route.methods)


def require_caching(answer: Answer, route: Route, max_age: int) -> None:
    if answer.status != 200 or route.cache is Cache.NO_STORE:
        assert answer.headers["Cache-Control"] == "no-store"
    elif route.cache is Cache.MAX_AGE:
        assert answer.headers["Cache-Control"] == f"public, max-age={max_age}"
    else:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def require_cross_origin_headers(
    answer: Answer, route: Route, *, is_called_by_a_script: bool, is_preflight: bool
) -> None:
    preflight = {
        "Access-Control-Allow-Methods": ", ".join(route.methods),
        "Access-Control-Allow-Headers": ", ".join(CROSS_ORIGIN_HEADERS),
        "Access-Control-Max-Age": "7200",
    }
    sent = {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}

    if is_called_by_a_script and route.cross_origin:
        assert sent == (EVERY_ANSWER | preflight if is_preflight else EVERY_ANSWER)
    else:
        assert not sent
    assert not (route.cross_origin and "Set-Cookie" in answer.headers)


def require_security_headers(answer: Answer, route: Route) -> None:
    for name in ("X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options", "Content-Security-Policy"):
        assert len(answer.headers.getall(name)) == 1
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    if route.is_page and not answer.is_redirect:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert policy.startswith(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert policy.endswith("; form-action 'self'")
    elif route.service != "authorize":
        assert policy == API_POLICY
        assert not answer.headers.get("Content-Type", "").startswith("text/html")
