"""HEAD at the endpoints that browsers open: what GET would answer, and nothing begun, ended or issued."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from support.administration import CALLBACK
from support.browser import Answer
from support.front_channel import response_of
from support.relying_party import RelyingParty

pytestmark = pytest.mark.requirement("RFC 9110 §9.3.2: HEAD answers as GET would, without content and without effects")
VARIES = {"Date", "X-Trace-Id", "Content-Length", "Location"}
REQUESTS: Mapping[str, dict[str, str | None]] = {
    "a login": {},
    "a refusal": {"scope": "nosuch"},
    "prompt none": {"prompt": "none"},
    "another redirect URI": {"redirect_uri": "https://evil.example/"},
    "an unknown client": {"client_id": "nobody"},
}


async def both(party: RelyingParty, address: str) -> tuple[Answer, Answer]:
    """What HEAD and then GET are answered."""
    head = await party.browser.request("HEAD", address)
    assert head.body == b""
    assert "Set-Cookie" not in head.headers
    return head, await party.browser.request("GET", address)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("is_signed_in", [False, True], ids=["signed out", "signed in"])
async def test_an_authorization_request_is_checked_and_not_begun(
    party: RelyingParty, name: str, is_signed_in: bool
) -> None:
    if is_signed_in:
        await party.authorize()
    address = f"{party.issuer}/authorize?{urlencode(party.request_params('v' * 48, **REQUESTS[name]))}"

    head, get = await both(party, address)

    assert head.status == get.status
    assert "code=" not in head.headers.get("Location", "")
    if name == "a refusal":
        assert head.location.split("&state")[0] == get.location.split("&state")[0]


async def test_a_step_is_shown_and_not_taken(party: RelyingParty) -> None:
    login = await party.start()
    seen = [await both(party, login.url)]
    consent = await party.sign_in(login)
    seen.append(await both(party, consent.url))
    answer = await party.browser.submit(consent, action="allow")

    assert [(head.status, get.status) for head, get in seen] == [(200, 200), (200, 200)]
    assert response_of(answer, CALLBACK).code


async def test_an_interaction_with_nothing_left_to_ask_waits_for_get(party: RelyingParty) -> None:
    waiting = await party.start()
    await party.authorize()

    head, get = await both(party, waiting.url)

    assert (head.status, get.status) == (303, 303)
    assert response_of(get, CALLBACK).code


@pytest.mark.parametrize("is_hinted", [False, True], ids=["a question", "with a hint"])
async def test_nobody_is_signed_out(party: RelyingParty, is_hinted: bool) -> None:
    hint = (await party.log_in()).body["id_token"]
    query = f"?id_token_hint={hint}" if is_hinted else ""

    head = await party.browser.request("HEAD", f"{party.issuer}/logout{query}")

    assert (head.status, head.body) == (200, b"")
    assert "Set-Cookie" not in head.headers
    assert response_of(await party.start(prompt="none"), CALLBACK).code


async def test_userinfo_has_headers(party: RelyingParty) -> None:
    token = (await party.log_in()).access_token
    headers = {"Authorization": f"Bearer {token}", "Cookie": ""}

    good = await party.browser.request("HEAD", f"{party.issuer}/userinfo", headers=headers)
    bad = await party.browser.request("HEAD", f"{party.issuer}/userinfo")

    assert (good.status, good.body) == (200, b"")
    assert (bad.status, bad.body) == (401, b"")
    assert bad.headers["WWW-Authenticate"] == 'Bearer realm="valetkey"'


@pytest.mark.parametrize("path", ["/login", "/consent", "/select-account", "/logout"])
async def test_a_page_without_a_request_has_the_headers_of_get(party: RelyingParty, path: str) -> None:
    head, get = await both(party, f"{party.issuer}{path}")

    assert head.status == get.status
    assert {name: value for name, value in head.headers.items() if name not in VARIES} == {
        name: value for name, value in get.headers.items() if name not in VARIES
    }
