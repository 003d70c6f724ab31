"""Security 46-50, 52 at the endpoints of browsers: what a request may look like, and what an error may say."""

import gzip
import re
import secrets
from urllib.parse import urlencode, urlsplit

import pytest

from support.administration import CALLBACK
from support.browser import FORM, form_of
from support.front_channel import heading, require_shown, response_of
from support.public_routes import PAGE_PATHS
from support.relying_party import RelyingParty
from support.steps import FORMS, filled, reach
from support.system import System
from valetkey.core.routes import HOME
from valetkey.runtime.telemetry.metric import REGISTRY

REFUSED = "This request did not work"
FORM_TYPES = (FORM, FORM.upper(), f"{FORM};charset=UTF-8", f'{FORM}; charset="utf-8"', f"{FORM};")
OTHER_TYPES = (
    "application/json", "multipart/form-data; boundary=x", "text/plain", "application/xml", "", "*/*",
    f"{FORM}; charset=iso-8859-1", f"{FORM}; charset=utf-16", f"{FORM}+json", f"{FORM}, {FORM}",
)  # fmt: skip
MALFORMED = (
    b"a=%zz", b"a=%", b"a=%4", b"a=%00", b"a=\x00", b"a=%ff", b"a=\xff", b"a=%c3%28", b"a=%ed%a0%80", b"%ff=a",
    b"&".join(b"a%d=b" % n for n in range(101)),
)  # fmt: skip
INSIDE = re.compile(r"Traceback|asyncpg|aiohttp|redis|SELECT|INSERT|valetkey\.|\.py\b|Error:|Exception", re.IGNORECASE)


async def sent(party: RelyingParty, form: str, body: bytes, **headers: str) -> tuple[int, str]:
    """The answer to a body at the address of a form: its status, and what it is about."""
    page = await reach(party, form)
    action = form_of(page).action
    answer = await party.browser.request("POST", action, headers={"Content-Type": FORM, **headers}, body=body)
    return answer.status, "" if answer.is_redirect else heading(answer)


@pytest.mark.requirement("security 46: a form is a form in every spelling of its type")
@pytest.mark.parametrize("content_type", FORM_TYPES)
@pytest.mark.parametrize("form", FORMS)
async def test_every_spelling_of_the_media_type_is_read(party: RelyingParty, form: str, content_type: str) -> None:
    page = await reach(party, form)
    body = urlencode(filled(party, page, form)).encode()

    answer = await party.browser.request(
        "POST", form_of(page).action, headers={"Content-Type": content_type}, body=body
    )

    assert answer.status == (200 if form == "logout" else 303)


@pytest.mark.requirement("security 46: only application/x-www-form-urlencoded, charset UTF-8")
@pytest.mark.parametrize("content_type", OTHER_TYPES)
@pytest.mark.parametrize("form", FORMS)
async def test_a_body_of_another_type_does_nothing(party: RelyingParty, form: str, content_type: str) -> None:
    page = await reach(party, form)
    cookies = dict(party.browser.cookies)
    body = urlencode(filled(party, page, form)).encode()

    answer = await party.browser.request(
        "POST", form_of(page).action, headers={"Content-Type": content_type}, body=body
    )

    assert require_shown(answer) == REFUSED
    assert party.browser.cookies == cookies


@pytest.mark.requirement("security 46: forms and queries are strict UTF-8, with whole escapes and without NUL")
@pytest.mark.parametrize("malformed", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_text_is_refused_everywhere(party: RelyingParty, malformed: bytes) -> None:
    # The home page has no parameters, and reads none.
    for endpoint in set(PAGE_PATHS) - {HOME.path}:
        url = f"{party.issuer}{endpoint}"
        answers = [await party.browser.request("POST", url, headers={"Content-Type": FORM}, body=malformed)]
        if malformed.isascii() and b"\x00" not in malformed:
            answers.append(await party.browser.request("GET", f"{url}?{malformed.decode()}"))

        assert {require_shown(answer) for answer in answers} == {REFUSED}


@pytest.mark.requirement("security 46: repeats are refused, empty means omitted, unknown is ignored")
@pytest.mark.parametrize("form", FORMS)
async def test_a_repeated_field_is_refused(party: RelyingParty, form: str) -> None:
    page = await reach(party, form)
    fields = filled(party, page, form)

    for name, value in fields:
        answer = await party.browser.post(form_of(page).action, [*fields, (name, value)])

        assert require_shown(answer) == REFUSED

    ignored = [*fields, (fields[0][0], ""), ("unknown", "x"), ("", "x")]
    answer = await party.browser.post(form_of(page).action, ignored)
    assert answer.status == (200 if form == "logout" else 303)


@pytest.mark.requirement("security 47: bodies are bounded, and may not be encoded")
@pytest.mark.parametrize("form", FORMS)
async def test_large_and_encoded_bodies_are_refused(party: RelyingParty, form: str) -> None:
    page = await reach(party, form)
    body = urlencode(filled(party, page, form)).encode()

    encoded = await sent(party, form, gzip.compress(body), **{"Content-Encoding": "gzip"})
    pretended = await sent(party, form, body, **{"Content-Encoding": "identity"})
    large = await sent(party, form, body + b"&x=" + b"x" * 70_000)

    assert (encoded, pretended) == ((400, REFUSED), (400, REFUSED))
    assert large == (413, "That was too much at once")


@pytest.mark.requirement("security 47: what is too long for a parameter is refused or shortened, never a fault")
@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "login_hint", "nonce", "id_token_hint", "claims", "scope"]
)
async def test_long_values_are_no_fault(party: RelyingParty, name: str) -> None:
    for length in (300, 3000, 30_000):
        answer = await party.browser.post(
            f"{party.issuer}/authorize", party.request_params("v" * 43, **{name: "a" * length})
        )

        assert answer.status in {200, 303, 400}


@pytest.mark.requirement("security 49: error pages never carry stack traces, SQL or the reason for the log")
@pytest.mark.parametrize("endpoint", PAGE_PATHS)
async def test_error_pages_say_nothing_of_what_is_inside(party: RelyingParty, endpoint: str) -> None:
    url = f"{party.issuer}{endpoint}"
    answers = [
        await party.browser.get(f"{url}?%zz"),
        await party.browser.get(url, [("client_id", "'; DROP TABLE clients; --"), ("interaction", "\\x00")]),
        await party.browser.get(url, [("interaction", "A" * 43), ("id_token_hint", "a.b.c"), ("client_id", "{{7}}")]),
        await party.browser.request("POST", url, headers={"Content-Type": "application/json"}, body=b"{}"),
        await party.browser.request("PUT", url),
        await party.browser.post(url, [("csrf_token", "x"), ("interaction", "W10")]),
    ]

    for answer in answers:
        assert answer.status < 500
        assert not INSIDE.search(answer.page.text), answer.page.text
        assert not INSIDE.search(str(answer.headers).replace("Valetkey", ""))


@pytest.mark.requirement("security 48: no header of a request reaches a page, a form or a redirect")
@pytest.mark.parametrize("form", FORMS)
async def test_headers_of_an_untrusted_caller_change_nothing(party: RelyingParty, system: System, form: str) -> None:
    party.issuer, party.browser.origin = system.urls["authorize"][0], system.origin
    party.browser.headers = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example",
        "X-Original-URL": "/evil",
        "X-HTTP-Method-Override": "DELETE",
        "Accept-Language": "evil",
        "Referer": "https://evil.example/",
    }
    page = await reach(party, form)

    answer = await party.browser.post(f"{party.issuer}{urlsplit(form_of(page).action).path}", filled(party, page, form))

    assert "evil" not in page.text + str(page.headers) + answer.text + str(answer.headers)
    assert answer.status == (200 if form == "logout" else 303)
    assert not any("Secure" in cookie for cookie in answer.headers.getall("Set-Cookie", ()))


@pytest.mark.requirement("security 50: metrics, health and administration are not on the public port")
@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/healthz", "/admin", "/debug", "/.env", "/static/"])
async def test_nothing_of_the_inside_is_served_to_browsers(party: RelyingParty, system: System, path: str) -> None:
    public = await party.browser.get(f"{party.issuer}{path}")
    behind = await party.browser.get(f"{system.urls['authorize'][0]}{path}")

    assert require_shown(public, 404) == require_shown(behind, 404) == "There is nothing here"


@pytest.mark.requirement("security 52: metric labels are bounded whatever a caller sends")
async def test_nothing_that_a_browser_sends_becomes_a_label(party: RelyingParty) -> None:
    canary = f"canary{secrets.token_hex(4)}"
    await party.browser.get(f"{party.issuer}/{canary}")
    await party.browser.request(canary.upper(), f"{party.issuer}/login")
    await party.start(client_id=canary)
    await party.start(scope=canary)
    await party.start(prompt=canary, response_mode=canary)
    await party.browser.post(f"{party.issuer}/login", [("interaction", canary), ("username", canary)])

    labels = [value for metric in REGISTRY.collect() for sample in metric.samples for value in sample.labels.values()]

    assert labels
    assert not [label for label in labels if canary in label.lower()]


@pytest.mark.requirement("RFC 6749 §3.1: a fragment or a query on the endpoint itself changes nothing")
async def test_our_own_addresses_may_carry_anything(party: RelyingParty) -> None:
    pairs = urlencode(party.request_params("v" * 43, prompt="none"))

    answer = await party.browser.get(f"{party.issuer}/authorize?&&{pairs}&&unknown&=x&")

    assert response_of(answer, CALLBACK).error == "login_required"
