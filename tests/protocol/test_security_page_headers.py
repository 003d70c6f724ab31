"""Security 8 and 9: what every answer of the browser's service carries: pages, redirects, files and every error."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from support.browser import FORM, Answer, form_of
from support.document import Element
from support.public_routes import PAGE_PATHS
from support.relying_party import RelyingParty
from support.steps import filled, reach
from valetkey.core.routes import ROUTES

EVIL = "https://evil.example"
Ask = Callable[[RelyingParty], Awaitable[Answer]]


def at(method: str, path: str, body: bytes | None = None, content_type: str = FORM, origin: str = EVIL) -> Ask:
    """A request as a script of another site would send it."""

    async def ask(party: RelyingParty) -> Answer:
        headers = {"Access-Control-Request-Method": "POST", "Content-Type": content_type}
        if origin:
            headers["Origin"] = origin
        return await party.browser.request(method, f"{party.issuer}{path}", headers=headers, body=body)

    return ask


def page(form: str, **changes: str) -> Ask:
    async def ask(party: RelyingParty) -> Answer:
        return await reach(party, form, **changes)

    return ask


def submitted(form: str, **changes: str) -> Ask:
    async def ask(party: RelyingParty) -> Answer:
        shown = await reach(party, form)
        return await party.browser.post(form_of(shown).action, filled(party, shown, form, **changes))

    return ask


def answered(**changes: str) -> Ask:
    async def ask(party: RelyingParty) -> Answer:
        await party.authorize()
        return await party.start(**changes)

    return ask


async def without_cookies(party: RelyingParty) -> Answer:
    shown = await party.start()
    party.browser.cookies.clear()
    return await party.browser.get(shown.url)


async def gone(party: RelyingParty) -> Answer:
    await party.start()
    return await party.browser.get(f"{party.issuer}/login", [("interaction", "A" * 43)])


async def signed_in(party: RelyingParty) -> Answer:
    await party.authorize()
    return await party.browser.get(f"{party.issuer}/login")


async def of_a_known_asset(party: RelyingParty) -> Answer:
    shown = await party.start()
    (sheet, *_) = shown.page.find_all("link", rel="stylesheet")
    first = await party.browser.get(f"{party.issuer}{sheet.attributes['href']}")
    return await party.browser.request("GET", first.url, headers={"If-None-Match": first.headers["ETag"]})


PAGES: dict[str, tuple[int, Ask]] = {
    "home": (200, at("GET", "/")),
    "login": (200, page("login")),
    "login, wrong password": (403, submitted("login", password="wrong")),
    "login, incomplete": (400, submitted("login", password="")),
    "select account": (200, page("select_account")),
    "consent": (200, page("consent")),
    "logout": (200, page("logout")),
    "logged out": (200, submitted("logout")),
    "stayed": (200, submitted("logout", action="stay")),
    "signed in": (200, signed_in),
    "form_post, code": (200, answered(response_mode="form_post")),
    "form_post, error": (200, answered(response_mode="form_post", scope="nosuch")),
    "unknown client": (400, answered(client_id="unknown")),
    "no request": (400, at("GET", "/authorize")),
    "nothing waiting": (400, at("GET", "/login")),
    "expired": (410, gone),
    "cookie missing": (400, without_cookies),
    "form refused": (403, submitted("login", csrf_token="x")),
    "foreign form": (403, at("POST", "/consent", b"a=b")),
    "no action": (400, submitted("consent", action="maybe")),
    "bad logout": (400, at("GET", "/logout?post_logout_redirect_uri=https://evil.example")),
    "not a form": (400, at("POST", "/authorize", b"{}", "application/json")),
    "bad escape": (400, at("GET", "/authorize?a=%zz")),
    "too large": (413, at("POST", "/authorize", b"a=" + b"a" * 70_000)),
    "too large, login": (413, at("POST", "/login", b"a=" + b"a" * 70_000, origin="")),
    "not found": (404, at("GET", "/nowhere")),
    "not found, slash": (404, at("GET", "/login/")),
    "not found, deeper": (404, at("POST", "/authorize/x", b"")),
    "not found, dots": (404, at("GET", "/static/..%2f..%2fetc%2fpasswd")),
    "not found, asset": (404, at("GET", "/static/nothing.css")),
    **{
        f"{method} {path}": (405, at(method, path))
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS")
        for path in PAGE_PATHS
    },
}
# Of an interaction there is none, of a link neither; the account asks for a login, and nothing here sends mail.
_STATUS_OF_HEAD = {
    **dict.fromkeys(("/", "/logout"), 200),
    **dict.fromkeys(("/account", "/account/password", "/account/totp", "/account/passkey", "/recover"), 303),
    **dict.fromkeys((f"/account/{page}" for page in ("profile", "email", "export", "delete")), 303),
    **dict.fromkeys((f"/account/email/{link}" for link in ("verify", "confirm", "revert")), 410),
    "/recover/password": 410,
}
OTHERS: dict[str, tuple[int, Ask]] = {
    "to the client": (303, answered()),
    "to the client, error": (303, answered(scope="nosuch")),
    "asset": (200, at("GET", "/static/valetkey.css")),
    "asset, known": (304, of_a_known_asset),
    "script": (200, at("GET", "/static/form_post.js")),
    **{f"HEAD {path}": (_STATUS_OF_HEAD.get(path, 400), at("HEAD", path)) for path in PAGE_PATHS},
}
EVERYTHING = PAGES | OTHERS


def directives(policy: str) -> dict[str, list[str]]:
    parts = [directive.split() for directive in policy.split(";")]
    assert len({name for name, *_ in parts}) == len(parts), policy
    return {name: sources for name, *sources in parts}


def attributes(element: Element) -> list[tuple[str, str, str]]:
    return [(found.tag, name, value) for found in element.find_all() for name, value in found.attributes.items()]


@pytest.mark.requirement("security 9: every answer, errors included: no framing, sniffing, referrer or storing")
@pytest.mark.requirement("security 8: no CORS on anything that talks to browsers")
@pytest.mark.parametrize("name", EVERYTHING)
async def test_every_answer_is_guarded(party: RelyingParty, name: str) -> None:
    status, ask = EVERYTHING[name]

    answer = await ask(party)

    assert answer.status == status
    for header in ("X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options", "Content-Security-Policy"):
        assert len(answer.headers.getall(header)) == 1
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert directives(answer.headers["Content-Security-Policy"])["default-src"] == ["'none'"]
    assert directives(answer.headers["Content-Security-Policy"])["frame-ancestors"] == ["'none'"]
    assert answer.headers["Server"] == "Valetkey"
    assert not [header for header in answer.headers if header.lower().startswith("access-control-")]
    is_file = name in {"asset", "asset, known", "script"}
    assert ("no-store" in answer.headers["Cache-Control"]) is not is_file
    assert not (is_file and "Set-Cookie" in answer.headers)


@pytest.mark.requirement("security 9: CSP without unsafe-inline, nothing from third parties")
@pytest.mark.parametrize("name", PAGES)
async def test_every_page_runs_and_loads_only_what_is_ours(party: RelyingParty, name: str) -> None:
    _, ask = PAGES[name]

    answer = await ask(party)

    policy = directives(answer.headers["Content-Security-Policy"])
    assert not any("unsafe" in source or "*" in source for sources in policy.values() for source in sources)
    for kind in ("script-src", "style-src", "img-src", "font-src", "connect-src"):
        assert policy.get(kind, ["'none'"]) in (["'self'"], ["'none'"])
    assert policy["base-uri"] == ["'none'"]
    runs_script = "script-src" in policy and policy["script-src"] != ["'none'"]
    assert runs_script is bool(answer.page.find_all("script"))
    assert runs_script is name.startswith(("form_post", "login"))
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    # An operator finds what happened by the reference on the page.
    assert answer.headers["X-Trace-Id"] in answer.page.text
    for tag, attribute, value in attributes(answer.page):
        assert not attribute.startswith("on")
        assert attribute != "style"
        if attribute in {"src", "href"} and tag != "a":
            assert urlsplit(value).path.startswith("/static/")
            assert not urlsplit(value).netloc
    for script in answer.page.find_all("script"):
        assert "src" in script.attributes
        assert not script.text


@pytest.mark.requirement("RFC 9110 §15.5.6: a 405 says what is allowed")
@pytest.mark.parametrize("path", PAGE_PATHS)
async def test_a_refused_method_is_told_the_others(party: RelyingParty, path: str) -> None:
    answer = await at("PUT", path)(party)

    (route,) = [route for route in ROUTES if route.path == path]
    assert set(answer.headers["Allow"].split(",")) == set(route.methods)


@pytest.mark.requirement("security 9: an answer to what is no HTTP carries the same headers")
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /authorize?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(100)) + b"\r\n",
        b"GET /login\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["long address", "long header", "many headers", "NUL", "nonsense", "two lengths"],
)
async def test_a_malformed_request_is_refused_with_the_same_headers(authorize_url: str, request_bytes: bytes) -> None:
    parts = urlsplit(authorize_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request_bytes)

    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")

    writer.close()
    await writer.wait_closed()
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    assert head[0].split()[1] in {"400", "431"}
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "Valetkey"
