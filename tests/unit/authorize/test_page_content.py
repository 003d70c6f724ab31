"""What each page says, and what it never does."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from importlib.resources import files

import pytest

from support.document import parse_document
from support.sample_pages import NO_PICTURES, REFERENCE, consent
from valetkey.authorize.pages.error_words import error_page
from valetkey.authorize.pages.models import FormPostPage, LoginError, LoginPage, ScopeGroup, ScopeWords, SignedInPage
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.theme import Theme

STATUSES = (400, 403, 404, 405, 410, 413, 429, 500, 503)


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(Theme(name="Acme ID"), base_path="/tenant", demo=True)


def test_login_is_made_for_password_managers_and_can_be_cancelled_empty(pages: Pages) -> None:
    page = LoginPage(form_action="/login", csrf_token="t", client_name="Fleet Planner", username="ada")

    document = parse_document(pages.login(page))

    username, password = document.get("input", name="username"), document.get("input", name="password")
    assert (username.attributes["autocomplete"], username.attributes["value"]) == ("username", "ada")
    assert (password.attributes["autocomplete"], password.attributes["type"]) == ("current-password", "password")
    assert "value" not in password.attributes
    assert document.get("label", for_=username.attributes["id"]).text == "User name or e-mail"
    assert "formnovalidate" in document.get("button", value="cancel").attributes
    assert "to continue to Fleet Planner" in document.text
    assert document.find_all(role="alert") == []


def test_a_failed_login_is_announced_and_tied_to_its_fields(pages: Pages) -> None:
    page = LoginPage(form_action="/login", csrf_token="t", username="ada", error=LoginError.CREDENTIALS)

    document = parse_document(pages.login(page))

    alert = document.get(role="alert")
    assert alert.text == LoginError.CREDENTIALS
    assert document.get("title").text.startswith("Error: ")
    for name in ("username", "password"):
        field = document.get("input", name=name)
        assert field.attributes["aria-describedby"] == alert.attributes["id"]
        assert field.attributes["aria-invalid"] == "true"


def test_where_a_right_password_may_have_been_refused_a_code_is_asked_for(pages: Pages) -> None:
    page = LoginPage(form_action="/login", csrf_token="t", error=LoginError.CREDENTIALS, code_page="id.example/login")

    may_be, is_so, first = (
        parse_document(pages.login(each))
        for each in (page, replace(page, is_limited=True), replace(page, error=None, code_page=None))
    )

    for document in (may_be, is_so):
        field = document.get("form").get("input", name="browser_code")
        assert "required" not in field.attributes
        assert "value" not in field.attributes
        assert document.get("label", for_=field.attributes["id"]).text.startswith("Code from another device")
        assert "open id.example/login" in document.get(id=field.attributes["aria-describedby"]).text
    assert "open" not in may_be.get("details").attributes
    assert "open" in is_so.get("details").attributes
    assert not first.find_all("details")


def test_who_is_signed_in_finds_a_code_for_another_device(pages: Pages) -> None:
    document = parse_document(pages.signed_in(SignedInPage(browser_code="K4TX-9QMP")))

    assert document.get("details").get(class_="code").text == "K4TX-9QMP"
    assert not parse_document(pages.signed_in(SignedInPage())).find_all("details")


@pytest.mark.requirement(
    "security 43: consent shows client, host of the redirect URI, exact scopes, what is unverified"
)
def test_consent_says_who_asks_for_what_and_where_the_answer_goes(pages: Pages) -> None:
    page = consent(
        client_name="Fleet Planner",
        client_id="fleet-1",
        redirect_host="fleet.example:8443",
        groups=(
            ScopeGroup(None, (ScopeWords("profile", "Read your profile"),)),
            ScopeGroup("Orders", (ScopeWords("orders:read", "Read your orders"),)),
            ScopeGroup("Billing", ()),
        ),
        claims=("birthdate", "shoe_size"),
    )

    document = parse_document(pages.consent(page))

    assert document.get("h1").text == "Fleet Planner asks for access to your account"
    assert [section.find_all("li")[0].text for section in document.find_all("section")] == [
        "Read your profile",
        "Read your orders",
        "Call it on your behalf",
        "Your date of birth",
    ]
    assert [section.get("h2").text for section in document.find_all("section")] == [
        "It will be able to",
        "In Orders, it will be able to",
        "In Billing, it will be able to",
        "It will be told",
    ]
    assert [fact.text for fact in document.find_all("dd")] == ["fleet.example:8443 on this device", "fleet-1"]
    assert "Your “shoe_size”" in document.text
    assert "Signed in as Ada" in document.text


@pytest.mark.requirement("security 43: consent shows what is unverified")
@pytest.mark.parametrize("is_unverified", [True, False])
def test_consent_warns_of_an_unverified_client(is_unverified: bool, pages: Pages) -> None:
    document = parse_document(pages.consent(consent(is_unverified=is_unverified)))

    assert ("has not been verified" in document.text) is is_unverified


@pytest.mark.requirement("security 43: the host of the redirect URI is shown whole")
def test_consent_never_shortens_the_host_that_the_answer_goes_to(pages: Pages) -> None:
    host = f"{'accounts.example.' * 14}attacker.example"

    assert host in parse_document(pages.consent(consent(redirect_host=host))).text


@pytest.mark.requirement("security 2: no javascript:, data: or vbscript: in policy_uri and tos_uri")
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example",
        "https:",
        "http://[",
    ],
)
def test_consent_links_no_address_that_is_not_a_web_page(uri: str, pages: Pages) -> None:
    document = parse_document(pages.consent(consent(policy_uri=uri, tos_uri=uri)))

    assert [link.attributes["href"] for link in document.find_all("a")] == ["#main"]


def test_consent_links_the_policies_without_telling_them_where_from(pages: Pages) -> None:
    page = consent(policy_uri="https://fleet.example/privacy?a=1&b=2", tos_uri="https://fleet.example/terms")

    links = parse_document(pages.consent(page)).find_all("a")[1:]

    assert [link.attributes["href"] for link in links] == [
        "https://fleet.example/privacy?a=1&b=2",
        "https://fleet.example/terms",
    ]
    assert {link.attributes["rel"] for link in links} == {"noopener noreferrer"}


LOGO = "https://cdn.example:8443/logo.png?a=1&b=2"
login_page = partial(LoginPage, form_action="/login", csrf_token="t", client_name="Fleet Planner")


def test_login_and_consent_show_the_logo_without_telling_where_from(pages: Pages) -> None:
    shown = [
        parse_document(pages.login(login_page(logo_uri=LOGO))),
        parse_document(pages.consent(consent(client_name="Fleet Planner", logo_uri=LOGO))),
    ]

    for document in shown:
        logo = document.get("img", class_="client-logo")
        assert logo.attributes["src"] == LOGO
        assert logo.attributes["alt"] == "Logo of Fleet Planner"
        assert logo.attributes["referrerpolicy"] == "no-referrer"
        assert (logo.attributes["width"], logo.attributes["height"]) == ("64", "64")


@pytest.mark.requirement("security 2: no javascript:, data: or vbscript: in logo_uri")
@pytest.mark.parametrize("uri", [None, "", *NO_PICTURES])
def test_no_page_shows_a_logo_that_is_no_picture_of_the_web(uri: str | None, pages: Pages) -> None:
    for html in (pages.login(login_page(logo_uri=uri)), pages.consent(consent(logo_uri=uri))):
        assert parse_document(html).find_all("img", class_="client-logo") == []


def test_a_logo_is_as_high_whatever_it_is_and_when_it_does_not_load() -> None:
    sheet = files("valetkey.authorize.pages").joinpath("static/valetkey.css").read_text(encoding="utf-8")
    (rule,) = re.findall(r"^\.client-logo \{(.*?)\}", sheet, re.DOTALL | re.MULTILINE)

    declarations = dict(line.strip().rstrip(";").split(": ") for line in rule.strip().splitlines())

    assert (declarations["height"], declarations["max-width"]) == ("3.25rem", "12rem")
    assert declarations["display"] == "block"
    assert declarations["overflow"] == "hidden"
    assert declarations["object-fit"] == "contain"


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_page_says_what_happened_and_what_to_do(status: int, pages: Pages) -> None:
    words = error_page(status)

    text = parse_document(pages.error(error_page(status), reference=REFERENCE)).text

    assert all(part in text for part in (words.title, words.happened, words.advice, str(status), REFERENCE))


def test_a_status_without_words_of_its_own_speaks_like_its_family() -> None:
    assert (error_page(418).title, error_page(502).title) == (error_page(400).title, error_page(500).title)
    assert (error_page(418).status, error_page(502).status) == (418, 502)


def test_the_words_of_errors_differ_from_each_other() -> None:
    assert len({error_page(status).title for status in STATUSES}) == len(STATUSES)


@pytest.mark.requirement("security 2: a response is never posted to a script")
@pytest.mark.parametrize("uri", ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", " vbscript:x"])
def test_form_post_refuses_a_redirect_uri_that_would_run(uri: str, pages: Pages) -> None:
    with pytest.raises(ValueError, match="cannot be posted"):
        pages.form_post(FormPostPage(redirect_uri=uri, parameters=(), client_name="X"))
