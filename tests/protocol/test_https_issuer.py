"""An https issuer behind a proxy: cookies that only https carries, and nothing that the inner http would tell."""

from urllib.parse import urlsplit

import pytest

from support.administration import CALLBACK
from support.browser import common_name
from support.front_channel import heading, require_shown, response_of
from support.relying_party import RelyingParty
from support.steps import FORMS, filled, reach
from support.system import System
from support.systems import MakeParty, StartSystem

ISSUER = "https://id.example"
LASTING = {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"}


@pytest.fixture(scope="module")
def secure(start_system: StartSystem) -> System:
    """A system that is known as https, as behind an ingress that ends TLS."""
    return start_system(changes={"issuer": ISSUER})


@pytest.fixture
async def party(make_party: MakeParty, secure: System) -> RelyingParty:
    """A browser that reaches the service as the ingress does."""
    party = await make_party(at=secure)
    party.issuer = secure.urls["authorize"][0]
    party.browser.origin = ISSUER
    return party


@pytest.mark.requirement("security 38: __Host- cookies, HttpOnly, Secure, SameSite=Lax, without a Domain")
async def test_every_cookie_is_bound_to_the_host_and_to_https(party: RelyingParty) -> None:
    authorize = await party.browser.get(f"{party.issuer}/authorize", party.request_params("v" * 43))
    page = await party.browser.follow(authorize, within=party.issuer)
    posted = await party.browser.post(f"{party.issuer}/login", filled(party, page, "login"))
    cookies = [*authorize.headers.getall("Set-Cookie"), *posted.headers.getall("Set-Cookie")]

    parts = {common_name(cookie.partition("=")[0]): set(cookie.split("; ")[1:]) for cookie in cookies}

    assert parts == {
        "__Host-vk_browser": LASTING,
        "__Host-vk_session": LASTING,
        "__Host-vk_device": LASTING | {"Max-Age=15552000"},
    }


@pytest.mark.requirement("security 38: cookies are forgotten with the attributes they were set with")
async def test_signing_out_clears_the_same_cookies(party: RelyingParty) -> None:
    page = await reach(party, "logout")

    answer = await party.browser.post(f"{party.issuer}/logout", filled(party, page, "logout"))

    headers = answer.headers.getall("Set-Cookie")
    cleared = {common_name(cookie.partition("=")[0]): set(cookie.split("; ")[1:]) for cookie in headers}
    assert cleared == {name: LASTING | {"Max-Age=0"} for name in ("__Host-vk_session", "__Host-vk_browser")}


@pytest.mark.requirement("security 38: a cookie without its prefix, as plain http could plant it, does not count")
@pytest.mark.parametrize(
    "name", ["vk_session", "vk_browser", "__Secure-vk_session", "__host-vk_session", "__Host-vk_sessions"]
)
async def test_a_cookie_without_the_prefix_is_nothing(party: RelyingParty, name: str) -> None:
    await party.authorize()
    secret = party.browser.cookies["__Host-vk_browser" if name == "vk_browser" else "__Host-vk_session"]
    page = await party.start(prompt="consent")
    browser = party.browser.cookies["__Host-vk_browser"]

    party.browser.cookies = {name: secret} if name == "vk_browser" else {name: secret, "__Host-vk_browser": browser}
    answer = await party.browser.get(page.url)

    if name == "vk_browser":
        assert require_shown(answer) == "Your browser did not remember us"
    else:
        assert "/login?" in answer.location


@pytest.mark.requirement("security 37: the origin is that of the issuer, not of the inner http")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("origin", ["inner", "http", "port", "subdomain"])
async def test_only_the_public_origin_is_ours(party: RelyingParty, form: str, origin: str) -> None:
    page = await reach(party, form)
    party.browser.origin = {
        "inner": party.issuer,
        "http": "http://id.example",
        "port": "https://id.example:8443",
        "subdomain": "https://a.id.example",
    }[origin]

    answer = await party.browser.post(page.url.partition("?")[0], filled(party, page, form))

    assert require_shown(answer, 403) == "We could not confirm this step"


@pytest.mark.requirement("security 48: the issuer is configuration, whatever the inner request looks like")
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_answers_name_the_public_issuer(party: RelyingParty, mode: str) -> None:
    refusal = response_of(await party.start(prompt="none", response_mode=mode), CALLBACK)
    success = response_of(await party.walk(await party.start(response_mode=mode)), CALLBACK)

    assert refusal.params["iss"] == success.params["iss"] == ISSUER


@pytest.mark.requirement("security 48: redirects between steps name no host")
async def test_redirects_between_steps_are_relative(party: RelyingParty) -> None:
    answer = await party.browser.get(f"{party.issuer}/authorize", party.request_params("v" * 43))

    location = urlsplit(answer.headers["Location"])
    assert (location.scheme, location.netloc, location.path) == ("", "", "/login")


@pytest.mark.requirement("security 9: https says so for good")
@pytest.mark.parametrize("path", ["/login", "/authorize", "/nowhere", "/static/valetkey.css", "/logout"])
async def test_every_answer_carries_strict_transport_security(party: RelyingParty, path: str) -> None:
    answer = await party.browser.get(f"{party.issuer}{path}")

    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.requirement("security 9: http on loopback does not claim to be https")
async def test_plain_http_on_loopback_says_nothing_of_it(make_party: MakeParty) -> None:
    party = await make_party()

    page = await party.start()

    assert heading(page) == "Sign in"
    assert "Strict-Transport-Security" not in page.headers
