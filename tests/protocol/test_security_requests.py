"""What a request may look like, at every endpoint that takes a form: security items 46 to 49, RFC 6749 §3.2."""

import gzip
import json
import re
from urllib.parse import urlencode

import pytest

from support.administration import Administration
from support.browser import FORM, Answer
from support.refusal import require_refusal
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty
from support.wire import Headers, Wire, basic

ENDPOINTS = ("/token", "/revoke", "/introspect")
FORM_TYPE = ("Content-Type", FORM)
# What each endpoint answers with success.
QUESTIONS = {
    "/token": [("grant_type", "client_credentials"), ("scope", "api:read")],
    "/revoke": [("token", "x")],
    "/introspect": [("token", "x")],
}


@pytest.fixture(scope="module")
def machine(system: System, resource_servers: dict[str, ClientIdentity]) -> ClientIdentity:
    """The client that sends the requests."""
    assert resource_servers
    return system.run(system.administration.create_machine())


@pytest.fixture
def authorization(machine: ClientIdentity) -> tuple[str, str]:
    """The header that lets it in."""
    return basic(machine.client_id, machine.client_secret or "")


def body_of(endpoint: str) -> bytes:
    return urlencode(QUESTIONS[endpoint]).encode()


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded, charset UTF-8")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        FORM.upper(),
        f"{FORM};charset=UTF-8",
        f"{FORM}; charset=utf-8",
        f'{FORM}; charset="utf-8"',
        f"{FORM};",
    ],
)
async def test_a_form_is_a_form_in_every_spelling(
    wire: Wire, authorization: tuple[str, str], endpoint: str, content_type: str
) -> None:
    headers = [authorization, ("Content-Type", content_type)]

    answer = await wire.send("POST", endpoint, headers=headers, body=body_of(endpoint))

    assert answer.status == 200


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded, charset UTF-8")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded2",
        f"{FORM}, {FORM}",
        f"{FORM}; charset=iso-8859-1",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=utf-7",
        f"{FORM}; charset=",
        f"{FORM}; boundary=x",
        f"text/plain; a={FORM}",
    ],
)
async def test_whatever_else_is_sent_is_refused(
    wire: Wire, authorization: tuple[str, str], endpoint: str, content_type: str | None
) -> None:
    headers = [authorization, *([] if content_type is None else [("Content-Type", content_type)])]

    answer = await wire.send("POST", endpoint, headers=headers, body=body_of(endpoint))

    require_refusal(answer, "invalid_request")


@pytest.mark.requirement("security 46: JSON is no form")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_json_body_with_good_credentials_is_refused(wire: Wire, machine: ClientIdentity, endpoint: str) -> None:
    fields = dict(QUESTIONS[endpoint]) | {"client_id": machine.client_id, "client_secret": machine.client_secret}

    answer = await wire.send(
        "POST", endpoint, headers=[("Content-Type", "application/json")], body=json.dumps(fields).encode()
    )

    require_refusal(answer, "invalid_request")


MALFORMED = {
    "not UTF-8": b"&x=\xff",
    "escape not UTF-8": b"&x=%ff",
    "overlong escape": b"&x=%c0%af",
    "surrogate": b"&x=%ed%a0%80",
    "half an escape": b"&x=%4",
    "no escape": b"&x=%zz",
    "NUL": b"&x=\x00",
    "escaped NUL": b"&x=%00",
    "NUL in a name": b"&x%00=1",
    "too many fields": b"&x=1" * 200,
    "unknown repeated": b"&x=1&x=2",
    "scope repeated": b"&scope=a&scope=b",
    "client_id repeated": b"&client_id=a&client_id=a",
    "escaped name repeated": b"&x=1&%78=2",
}


@pytest.mark.requirement("security 46: repeats refused; RFC 6749 §3.2")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_form_is_refused_whole(
    wire: Wire, authorization: tuple[str, str], endpoint: str, name: str
) -> None:
    answer = await wire.send(
        "POST", endpoint, headers=[authorization, FORM_TYPE], body=body_of(endpoint) + MALFORMED[name]
    )

    require_refusal(answer, "invalid_request")


@pytest.mark.requirement("security 46: empty means omitted; unknown ignored")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "more",
    [b"&unknown=1", b"&state=x&nonce=y", b"&client_secret=", b"&client_id=", b"&x=&x=", b"&&&", b"&=", b"&=x", b"&x"],
)
async def test_what_means_nothing_changes_nothing(
    wire: Wire, authorization: tuple[str, str], endpoint: str, more: bytes
) -> None:
    answer = await wire.send("POST", endpoint, headers=[authorization, FORM_TYPE], body=body_of(endpoint) + more)

    assert answer.status == 200


@pytest.mark.requirement("RFC 6749 §3.2: a repeated parameter is refused, even with one value")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_parameter_of_the_endpoint_must_not_be_repeated(
    wire: Wire, authorization: tuple[str, str], endpoint: str
) -> None:
    for pair in QUESTIONS[endpoint]:
        answer = await wire.form(endpoint, [*QUESTIONS[endpoint], pair], [authorization])

        require_refusal(answer, "invalid_request")


SECRET_NAMES = (
    "client_secret", "code", "code_verifier", "refresh_token", "token", "access_token", "password", "assertion",
    "client_assertion",
)  # fmt: skip


@pytest.mark.requirement("OAuth 2.1 §2.4.1: no credentials in the URI")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", SECRET_NAMES)
async def test_credentials_in_the_query_are_refused_even_beside_good_ones(
    wire: Wire, authorization: tuple[str, str], endpoint: str, name: str
) -> None:
    answer = await wire.form(f"{endpoint}?{name}=c4n4ry", QUESTIONS[endpoint], [authorization])

    require_refusal(answer, "invalid_request")
    assert b"c4n4ry" not in answer.body


@pytest.mark.requirement("RFC 6749 §3.2: parameters are in the body")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_the_query_is_not_mixed_in(wire: Wire, authorization: tuple[str, str], endpoint: str) -> None:
    query = urlencode([pair for pair in QUESTIONS[endpoint] if pair[0] not in SECRET_NAMES] or [("x", "y")])

    empty = await wire.form(f"{endpoint}?{query}", [], [authorization])
    unknown = await wire.form(f"{endpoint}?unknown=1", QUESTIONS[endpoint], [authorization])

    require_refusal(empty, "invalid_request")
    assert unknown.status == 200


@pytest.mark.requirement("security 47: Content-Encoding on requests refused")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", "x"])
async def test_an_encoded_body_is_refused(
    wire: Wire, authorization: tuple[str, str], endpoint: str, encoding: str
) -> None:
    body = gzip.compress(body_of(endpoint)) if encoding == "gzip" else body_of(endpoint)

    answer = await wire.send(
        "POST", endpoint, headers=[authorization, FORM_TYPE, ("Content-Encoding", encoding)], body=body
    )

    require_refusal(answer, "invalid_request")


@pytest.mark.requirement("security 47: bodies are bounded")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("size", [66_000, 1_000_000])
async def test_a_body_over_the_limit_is_refused(
    wire: Wire, authorization: tuple[str, str], endpoint: str, size: int
) -> None:
    answer = await wire.send(
        "POST", endpoint, headers=[authorization, FORM_TYPE], body=body_of(endpoint) + b"&x=" + b"a" * size
    )

    assert (answer.status, json.loads(answer.body)["error"]) == (413, "invalid_request")


@pytest.mark.requirement("RFC 6749 §3.2: POST only")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused(
    wire: Wire, authorization: tuple[str, str], endpoint: str, method: str
) -> None:
    answer = await wire.send(method, endpoint, headers=[authorization, FORM_TYPE], body=body_of(endpoint))

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.requirement("security 8: CORS where a script is meant to call, never with cookies, and nowhere else")
@pytest.mark.parametrize("path", ["/nowhere", "/token/", "/jwks/x", "/.well-known/nothing"])
async def test_scripts_may_not_call_what_is_no_route(wire: Wire, path: str) -> None:
    origin = ("Origin", "https://app.example")

    preflight = await wire.send("OPTIONS", path, headers=[origin, ("Access-Control-Request-Method", "POST")])
    answer = await wire.send("POST", path, headers=[origin, FORM_TYPE], body=b"")

    assert (preflight.status, answer.status) == (404, 404)
    assert not [name for name in (*preflight.headers, *answer.headers) if name.startswith("Access-Control-")]


@pytest.mark.requirement("RFC 6749 §3.2: cookies do not authenticate here")
async def test_the_session_of_the_user_means_nothing_to_the_endpoints_of_clients(
    party: RelyingParty, wire: Wire
) -> None:
    await party.log_in()
    cookies = ("Cookie", "; ".join(f"{name}={value}" for name, value in party.browser.cookies.items()))

    for endpoint in ENDPOINTS:
        require_refusal(await wire.form(endpoint, QUESTIONS[endpoint], [cookies]), "invalid_client")
    assert (await wire.send("GET", "/userinfo", headers=[cookies])).status == 401


HOSTILE: Headers = [
    ("Host", "evil.example"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "gopher"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Port", "666"),
    ("X-Original-URL", "/evil"),
    ("X-Rewrite-URL", "/evil"),
    ("Forwarded", "host=evil.example;proto=gopher"),
    ("X-HTTP-Method-Override", "GET"),
]


@pytest.mark.requirement("security 48: Host, X-Forwarded-* and Forwarded never reach the issuer, links or metadata")
async def test_no_header_of_an_untrusted_caller_reaches_what_is_issued_or_published(
    system: System, wire: Wire, authorization: tuple[str, str]
) -> None:
    token = await wire.form("/token", QUESTIONS["/token"], [authorization, *HOSTILE])
    introspected = await wire.form(
        "/introspect", [("token", json.loads(token.body)["access_token"])], [authorization, *HOSTILE]
    )
    published = [
        await wire.send("GET", path, headers=HOSTILE)
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks")
    ]

    assert json.loads(introspected.body)["iss"] == system.issuer
    assert json.loads(published[0].body)["issuer"] == system.issuer
    for answer in (token, introspected, *published):
        assert answer.status == 200
        assert "evil" not in answer.text + str(answer.headers)


# The style sheet of a page is named as our modules are.
LEAKS = re.compile(r"Traceback|File \"|line \d+|asyncpg|redis|SELECT|valetkey\.(?!css)|aiohttp|python", re.IGNORECASE)


def reference_in(answer: Answer) -> str:
    """What a person would tell the operator; one process that is every service shows a page where there is nothing."""
    if answer.headers["Content-Type"].startswith("text/html"):
        found = re.search("<dt>Reference.*?</dt>\n<dd>(.*?)</dd>", answer.text)
        return found[1] if found else ""
    return str(json.loads(answer.body)["reference"])


@pytest.mark.requirement("security 49: error JSON never carries stack traces, SQL, or the reason for the log")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/token", b"grant_type=nothing"),
        ("POST", "/token", b"grant_type=refresh_token&refresh_token='%20OR%201%3D1"),
        ("POST", "/token", b"\xff"),
        ("GET", "/token", b""),
        ("POST", "/introspect", b"token=%F0%9F%94%91"),
        ("POST", "/userinfo", b"access_token=eyJ.eyJ.x"),
        ("GET", "/nowhere", b""),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", b""),
        ("GET", "/.well-known/", b""),
    ],
    ids=str,
)
async def test_no_error_tells_what_went_on_inside(
    wire: Wire, authorization: tuple[str, str], method: str, path: str, body: bytes
) -> None:
    headers = [FORM_TYPE] if path == "/userinfo" else [authorization, FORM_TYPE]

    answer = await wire.send(method, path, headers=headers, body=body)

    assert not LEAKS.search(answer.text)
    assert answer.headers["Server"] == "Valetkey"
    if answer.status != 200:
        assert re.fullmatch(r"[0-9a-f]{32}", reference_in(answer))
        assert reference_in(answer) == answer.headers["X-Trace-Id"]


@pytest.mark.requirement("RFC 6749 §5.2: error_description stays within its character set")
@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
async def test_nothing_that_was_sent_comes_back_in_an_error(
    make_party: MakeParty, administration: Administration, wire: Wire, grant: str
) -> None:
    party = await make_party(await administration.create_web_client())
    header = basic(party.client.client_id, party.client.client_secret or "")
    sent = '<script>"c4n4ry\\\N{KEY}'
    pairs = [(name, sent) for name in ("code", "code_verifier", "refresh_token", "redirect_uri", "scope", "resource")]

    answer = await wire.form("/token", [("grant_type", grant), *pairs], [header])

    assert answer.status == 400
    assert b"c4n4ry" not in answer.body
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", json.loads(answer.body)["error_description"])
