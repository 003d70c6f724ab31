"""Forms that did not come from our page, in this browser, for this step."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from valetkey.authorize.browser.cookies import Browser
from valetkey.authorize.browser.csrf import Csrf, require_own_origin
from valetkey.authorize.browser.keyed_mac import Mac
from valetkey.authorize.pages.shown_error import FormRefused

OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(100, 132))
ISSUER = "https://login.example"
ADA, EVE = Browser.generate(), Browser.generate()


def headers(**values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict((name.replace("_", "-"), value) for name, value in values.items()))


def test_a_form_of_this_browser_and_step_is_accepted() -> None:
    csrf = Csrf([NEW_KEY])

    csrf.require(csrf.token(ADA, "login", "i1"), ADA, "login", "i1")


@pytest.mark.requirement("security 37: CSRF token bound to browser and to this request on every POST")
@pytest.mark.parametrize(
    ("browser", "context"),
    [
        (EVE, ("login", "i1")),
        (ADA, ("consent", "i1")),
        (ADA, ("login", "i2")),
        (ADA, ("login", "i1", "another session")),
        (ADA, ("logini1",)),
        (ADA, ("login", "i", "1")),
        (ADA, ()),
    ],
    ids=["another browser", "another step", "another request", "more", "joined", "divided", "nothing"],
)
def test_a_token_counts_for_nothing_else(browser: Browser, context: tuple[str, ...]) -> None:
    csrf = Csrf([NEW_KEY])
    token = csrf.token(ADA, "login", "i1")

    with pytest.raises(FormRefused):
        csrf.require(token, browser, *context)


@pytest.mark.parametrize("token", [None, "", "x", "é", "A" * 43, "A" * 100_000])
def test_what_is_no_token_is_refused(token: str | None) -> None:
    with pytest.raises(FormRefused):
        Csrf([NEW_KEY]).require(token, ADA, "login", "i1")


def test_a_form_shown_before_the_key_changed_still_counts() -> None:
    token = Csrf([OLD_KEY]).token(ADA, "login", "i1")

    Csrf([NEW_KEY, OLD_KEY]).require(token, ADA, "login", "i1")

    with pytest.raises(FormRefused):
        Csrf([NEW_KEY]).require(token, ADA, "login", "i1")


def test_a_code_for_one_purpose_is_none_for_another() -> None:
    code = Mac([NEW_KEY], "device cookie").make("a")

    assert not Mac([NEW_KEY], "form token").is_valid(code, "a")


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Mac([], "form token")


@pytest.mark.requirement("security 37: Origin checked")
@pytest.mark.parametrize(
    "sent",
    [
        headers(),
        headers(Origin=ISSUER),
        headers(Origin=ISSUER, Sec_Fetch_Site="same-origin"),
        headers(Sec_Fetch_Site="same-origin"),
        headers(Origin="null", Sec_Fetch_Site="same-origin"),
        headers(Origin="null"),
    ],
    ids=["neither header", "origin", "both", "fetch metadata", "null because our pages send no referrer", "old Safari"],
)
def test_our_own_forms_are_let_through(sent: CIMultiDictProxy[str]) -> None:
    require_own_origin(sent, ISSUER)


@pytest.mark.requirement("security 37: Origin checked")
@pytest.mark.parametrize(
    "sent",
    [
        headers(Origin="https://evil.example"),
        headers(Origin="https://login.example.evil.example"),
        headers(Origin="http://login.example"),
        headers(Origin="https://login.example:8443"),
        headers(Origin=f"{ISSUER}/"),
        headers(Origin=""),
        headers(Origin=ISSUER, Sec_Fetch_Site="cross-site"),
        headers(Origin=ISSUER, Sec_Fetch_Site="same-site"),
        headers(Origin=ISSUER, Sec_Fetch_Site="none"),
        headers(Origin="null", Sec_Fetch_Site="cross-site"),
        headers(Origin="https://evil.example", Sec_Fetch_Site="same-origin"),
        CIMultiDictProxy(CIMultiDict([("Origin", ISSUER), ("Origin", ISSUER)])),
        CIMultiDictProxy(CIMultiDict([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")])),
    ],
    ids=lambda sent: "|".join(sent.values()),
)
def test_forms_from_elsewhere_are_refused(sent: CIMultiDictProxy[str]) -> None:
    with pytest.raises(FormRefused):
        require_own_origin(sent, ISSUER)
