"""The three cookies of a browser."""

import pytest
from aiohttp import web

from support.http_request import make_request
from valetkey.authorize.browser.cookies import MOST_BINDINGS, Browser, BrowserCookies, _tag, generate_secret
from valetkey.runtime.http.cookies import Cookies

COOKIES = BrowserCookies(Cookies(https=True))
SECRET = generate_secret()


def sent(cookie: str) -> web.Request:
    return make_request(headers=[("Cookie", cookie)])


def test_the_session_and_the_binding_end_with_the_browser() -> None:
    response = web.Response()

    COOKIES.write_session(sent(""), response, SECRET)
    COOKIES.write_browser(sent(""), response, Browser.generate())

    for header in response.headers.getall("Set-Cookie"):
        assert header.startswith("__Host-")
        assert "; HttpOnly; SameSite=Lax; Secure" in header
        assert "Max-Age" not in header
        assert "Domain" not in header


def test_a_browser_that_is_bound_keeps_its_secret() -> None:
    first, second = web.Response(), web.Response()
    COOKIES.write_browser(sent(""), first, Browser(SECRET))
    request = sent("; ".join(header.partition(";")[0] for header in first.headers.getall("Set-Cookie")))

    browser = COOKIES.browser(request)

    assert browser == Browser(SECRET)
    COOKIES.write_browser(request, second, browser)
    assert "Set-Cookie" not in second.headers


@pytest.mark.requirement("security 11: each tab acts on its own request, whichever was answered first")
def test_tabs_that_a_new_browser_opens_at_once_keep_their_bindings() -> None:
    jar: dict[str, str] = {}
    tabs = [Browser.generate() for _ in range(3)]
    for tab in tabs:
        response = web.Response()
        COOKIES.write_browser(sent(""), response, tab)
        jar |= dict(header.partition(";")[0].split("=") for header in response.headers.getall("Set-Cookie"))

    request = sent("; ".join(f"{name}={value}" for name, value in jar.items()))

    assert {browser.secret for browser in COOKIES.browsers(request)} == {tab.secret for tab in tabs}


def test_bindings_are_few_and_their_tags_true() -> None:
    many = "; ".join(f"__Host-vk_browser_{_tag(secret)}={secret}" for secret in (generate_secret() for _ in range(40)))

    assert len(COOKIES.browsers(sent(many))) == MOST_BINDINGS
    assert COOKIES.browsers(sent(f"__Host-vk_browser_00000000={SECRET}")) == ()
    assert COOKIES.browsers(sent(f"__Host-vk_browser={SECRET}")) == (Browser(SECRET),)


@pytest.mark.requirement("security 38: several same-named cookies refused")
@pytest.mark.parametrize(
    "cookie",
    [
        f"__Host-vk_session={SECRET}; __Host-vk_session={generate_secret()}",
        f"__Host-vk_session={SECRET}; __Host-vk_session={SECRET}",
        f"vk_session={SECRET}",
        f"__Host-vk_session={SECRET}x",
        f"__Host-vk_session={SECRET[:-1]}",
        "__Host-vk_session=",
    ],
    ids=["two", "the same twice", "without the prefix", "longer", "shorter", "empty"],
)
def test_what_is_not_one_good_cookie_is_no_session(cookie: str) -> None:
    assert COOKIES.session_secret(sent(cookie)) is None


def test_signing_out_forgets_all_but_the_device() -> None:
    response = web.Response()

    COOKIES.sign_out(sent(f"__Host-vk_browser_{_tag(SECRET)}={SECRET}"), response)

    cleared = {header.split("=", 1)[0] for header in response.headers.getall("Set-Cookie")}
    assert cleared == {"__Host-vk_session", "__Host-vk_browser", f"__Host-vk_browser_{_tag(SECRET)}"}


def test_what_an_interaction_keeps_of_a_browser_does_not_give_the_secret_away() -> None:
    browser = Browser.generate()

    assert len(browser.digest) == 32
    assert browser.secret.encode() not in browser.digest
    assert browser.digest != Browser.generate().digest
