"""Every word of every page comes out of a catalogue, in whatever language, and no translation breaks a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import pytest

from support.catalogues import PAGES as DOMAIN
from support.document import Element, parse_document
from support.pseudo_language import TAG, unmarked, unmarked_text, write_marked
from support.sample_pages import REFERENCE, every_page, show
from valetkey.authorize.account.page_client import account_client
from valetkey.authorize.consent.claim_words import claim_words
from valetkey.authorize.consent.scope_words import scope_words
from valetkey.authorize.login.browser_origin import device_name, device_words
from valetkey.authorize.login.methods.registry import credential_words
from valetkey.authorize.pages import shown_error
from valetkey.authorize.pages.account_models import (
    AccountError,
    AccountNews,
    AccountPage,
    EmailError,
    EmailLinkError,
    NewPasswordPage,
    PasswordError,
    RecoveryError,
)
from valetkey.authorize.pages.error_words import error_page
from valetkey.authorize.pages.language import languages
from valetkey.authorize.pages.models import (
    ConsentPage,
    HomePage,
    LoggedOutPage,
    LoginError,
    LoginPage,
    ProofError,
    ScopeGroup,
    ScopeWords,
)
from valetkey.authorize.pages.page import Page
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.theme import Theme
from valetkey.core.authentication.factor import Method
from valetkey.core.language import SHIPPED
from valetkey.core.message import Message
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.registry import CLAIMS
from valetkey.runtime.password_rules import password_problem
from valetkey.runtime.settings.settings import Settings

NAME = "Ægir"
THEME = "Ørsted"
# What sample pages are given beside that name.
DATA = {NAME, THEME, "@example.com", "Bare API", "Read your orders", "UTC", REFERENCE}
SENTENCES: tuple[type[StrEnum], ...] = (
    *(LoginError, ProofError, PasswordError, RecoveryError),
    *(AccountNews, AccountError, EmailError, EmailLinkError),
)
OF_EVERY_INSTALLATION = ("Confirm who you are", "See your name and profile", "Keep this access while you are away")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    directory = write_marked(DOMAIN, tmp_path_factory.mktemp("languages"))
    return Pages(Theme(name=THEME), demo=True, languages=languages((TAG,), TAG, directory))


@pytest.fixture(scope="module")
def pages() -> dict[str, Pages]:
    """The same pages, each time with another default language."""
    return {tag: Pages(Theme(name=THEME), demo=True, languages=languages(SHIPPED, tag)) for tag in SHIPPED}


def filled() -> dict[str, Page]:
    """Sample pages, and others in which more is said."""
    sample = every_page(NAME)
    login, account, consent = sample["login"], sample["account"], sample["consent"]
    new_password = sample["new_password"]
    assert isinstance(login, LoginPage)
    assert isinstance(account, AccountPage)
    assert isinstance(consent, ConsentPage)
    assert isinstance(new_password, NewPasswordPage)
    policy = "https://app.example/policy"
    more: dict[str, Page] = {
        "home, signed in": HomePage(form_action="/logout", account=login.account),
        "login, forgotten": replace(login, recovery_uri="/recover", logo_uri="https://app.example/logo.png"),
        "account, little": replace(account, credentials=[], applications=[], sessions=account.sessions[:1], news=None),
        "account, never used": replace(
            account, credentials=[replace(account.credentials[0], used="")], codes_left=1, totp_uri=None
        ),
        "logged_out, of none": LoggedOutPage(nothing_ended=True, continue_uri="https://app.example/"),
        "logged_out, of one": LoggedOutPage(client_name=NAME, continue_uri="https://app.example/"),
        "logged_out, home": LoggedOutPage(client_name=NAME),
        "consent, linked": replace(consent, policy_uri=policy, tos_uri=policy, logo_uri="https://app.example/x.png"),
        "consent, policy": replace(consent, policy_uri=policy, tos_uri=None),
        "consent, terms": replace(consent, policy_uri=None, tos_uri=policy, is_unverified=False),
        "recovery_codes": sample["recovery_codes"],
    }
    return sample | more


@pytest.mark.parametrize("name", filled())
def test_every_word_of_a_page_comes_from_a_catalogue(name: str, marked: Pages) -> None:
    document = parse_document(show(marked, filled()[name]))

    assert unmarked(document, DATA) == [], "wrap these words in {% trans %}, then run make catalogs"


def sentences() -> Iterator[tuple[str, object]]:
    """Every sentence of the code that a page may show."""
    for kind in SENTENCES:
        yield from ((f"{kind.__name__}.{each.name}", each) for each in kind)
    for status in (400, 403, 404, 405, 410, 413, 418, 429, 500, 503):
        page = error_page(status)
        yield from ((f"error {status}", each) for each in (page.title, page.happened, page.advice))
    for name, error in vars(shown_error).items():
        if isinstance(error, type) and issubclass(error, shown_error.ShownError):
            yield from ((name, each) for each in (error.page.title, error.page.happened, error.page.advice))
    for claim in [*(claim.name for claim in CLAIMS), "sub", "acr", "amr", "auth_time", NAME]:
        yield f"claim {claim}", claim_words(claim)
    yield from (("scope", scope_words(RegisteredScope(words, words))) for words in OF_EVERY_INSTALLATION)
    yield from ((f"value of {claim.name}", claim.check("\t")) for claim in CLAIMS if claim.is_editable)
    for password in ("short", "x" * 65, "ada.lovelace", "password1"):
        yield f"password {password}", password_problem(password, ("ada.lovelace",), 64)
    yield "account", account_client(Settings(theme_name=THEME), ()).client_name
    yield "totp", credential_words(Method.TOTP, "Authenticator app")
    yield "passkey", credential_words(Method.PASSKEY, "Passkey")


@pytest.mark.parametrize("sentence", [pytest.param(text, id=name) for name, text in sentences()])
def test_every_sentence_of_the_code_comes_from_a_catalogue(sentence: object, marked: Pages) -> None:
    page = replace(error_page(404), title=str(sentence))
    object.__setattr__(page, "title", sentence)

    document = parse_document(marked.error(page))

    assert document.get("h1").text
    assert unmarked(document, DATA) == []


@pytest.mark.parametrize("name", filled())
@pytest.mark.parametrize("tag", SHIPPED)
def test_a_page_is_the_same_in_every_language_but_for_its_words(name: str, tag: str, pages: dict[str, Pages]) -> None:
    page = filled()[name]
    english, other = (parse_document(show(pages[each], page)) for each in ("en", tag))

    html = other.get("html").attributes
    assert html == {"lang": tag, "dir": "rtl" if tag == "ar" else "ltr"}
    assert sorted(each.tag for each in other.find_all()) == sorted(each.tag for each in english.find_all())
    assert unpainted(other.find_all()) == unpainted(english.find_all())


def unpainted(elements: list[Element]) -> list[tuple[str, str]]:
    """What a page sends, and where it leads."""
    attributes = [each.attributes for each in elements]
    return sorted(
        (name, value)
        for each in attributes
        for name, value in each.items()
        if name in {"action", "href", "name", "value"}
    )


def test_a_name_that_its_user_chose_is_not_translated(marked: Pages) -> None:
    assert credential_words(Method.PASSKEY, "Authenticator app") == "Authenticator app"
    assert not isinstance(credential_words(Method.PASSKEY, "Laptop"), Message)
    assert scope_words(RegisteredScope("orders", "Read your orders")) == "Read your orders"
    page = replace(error_page(404), title="Sign in")

    assert unmarked_text(parse_document(marked.error(page)).get("h1").text, ()) == ["Sign", "in"]


@pytest.mark.parametrize(
    ("tag", "words"), [("en", "Read"), ("de", "Lesen"), ("fr", "Read"), ("ja", "読む"), ("ar", "Read")]
)
def test_a_scope_of_an_operator_is_described_in_the_language_of_its_reader(
    pages: dict[str, Pages], tag: str, words: str
) -> None:
    scope = scope_words(RegisteredScope("read", "Read", translations={"de": "Lesen", "JA": "読む"}))
    consent = every_page()["consent"]
    assert isinstance(consent, ConsentPage)
    described = replace(consent, groups=[ScopeGroup(None, [ScopeWords("read", scope)])])

    shown = parse_document(show(pages[tag], described))

    assert words in [each.text.strip() for each in shown.find_all("span")]


def test_a_device_is_told_in_the_language_of_its_reader(pages: dict[str, Pages]) -> None:
    device = device_words(device_name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"))
    page = replace(error_page(404), title="x")
    object.__setattr__(page, "title", device)

    assert device == "Firefox on Linux"
    assert parse_document(pages["de"].error(page)).get("h1").text == "Firefox unter Linux"
    assert device_words("curl") == "curl"


@pytest.mark.parametrize("path", sorted((DOMAIN.folder.parent / "static").glob("*.js")), ids=lambda path: path.name)
def test_a_script_says_nothing_that_did_not_come_from_the_page(path: Path) -> None:
    script = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    literals = re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`]*)`', script)

    sentences = {text for text in map("".join, literals) if " " in text.strip()}
    assert sentences <= {"use strict"}
    assert not re.search(r"textContent = [^;]*[\"'`]\w|innerText|innerHTML|alert\(|confirm\(|prompt\(", script)


def test_a_template_of_a_team_sees_the_language_and_its_texts(tmp_path: Path) -> None:
    (tmp_path / "logged_out.html").write_text('{{ lang }} {{ dir }} {{ theme.lang }} {{ _("Sign in") }} {{ _("Bye") }}')

    shown = Pages(Theme(), directory=tmp_path, languages=languages(SHIPPED, "ar")).logged_out(LoggedOutPage())

    assert shown == "ar rtl ar تسجيل الدخول Bye"
