"""In which language a page is: ui_locales, then Accept-Language, then the installation's. No more depends on it."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import pytest

from support.administration import Administration
from support.browser import FORM, Answer, Browser, query_of
from support.eventually import eventually
from support.front_channel import heading
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.core.language import SHIPPED
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.storage.postgres.tables.catalog import CatalogStore

SIGN_IN = {
    "en": "Sign in",
    "de": "Anmelden",
    "fr": "Se connecter",
    "es": "Iniciar sesión",
    "ja": "サインイン",
    "ar": "تسجيل الدخول",
}
HOSTILE = {
    "markup": '<script>alert(1)</script> de"><b',
    "path": "../../../etc/passwd ..\\..\\windows",
    "lines": "de\r\nSet-Cookie: a=b",
    "nothing": " ",
    "long tag": "d" * 3000,
    "many tags": " ".join(f"xx-{number}" for number in range(800)),
    "long and then one we have": "x" * 400 + " de",
    "not ASCII": "\u0434e \uff44\uff45 \u202ede",
    "null": "de\x00",
    "percent": "%(name)s %s {{ 7 * 7 }}",
}


def language_of(answer: Answer) -> str:
    """The language of a page, which its headers say too."""
    html = answer.page.get("html").attributes
    assert answer.headers["Content-Language"] == html["lang"]
    assert answer.headers.getall("Vary") == ["Accept-Language"]
    assert html["dir"] == ("rtl" if html["lang"] == "ar" else "ltr")
    return html["lang"]


@pytest.mark.requirement("OIDC Core §3.1.2.1: ui_locales, the preferred languages of the page")
@pytest.mark.parametrize(
    ("ui_locales", "accepted", "expected"),
    [
        (None, None, "en"),
        (None, "de", "de"),
        (None, "de-CH, fr;q=0.5", "de"),
        (None, "pt-BR, pt;q=0.9, es;q=0.1", "es"),
        (None, "pt", "en"),
        (None, "*", "en"),
        ("fr", None, "fr"),
        ("fr-CA", "de", "fr"),
        ("pt it ja", "de", "ja"),
        ("pt it", "de", "de"),
        ("pt", "it", "en"),
        ("AR", "de", "ar"),
        ("en", "de", "en"),
    ],
)
async def test_the_client_decides_then_the_browser_then_the_installation(
    party: RelyingParty, ui_locales: str | None, accepted: str | None, expected: str
) -> None:
    if accepted is not None:
        party.browser.headers["Accept-Language"] = accepted

    login = await party.start(ui_locales=ui_locales)

    assert (language_of(login), heading(login)) == (expected, SIGN_IN[expected])


@pytest.mark.parametrize("tag", SHIPPED)
async def test_the_whole_way_is_in_one_language(party: RelyingParty, tag: str) -> None:
    party.browser.headers["Accept-Language"] = "fr" if tag != "fr" else "de"

    login = await party.start(ui_locales=tag, scope="openid profile")
    again = await party.sign_in(login, None if party.person is None else type(party.person)("nobody", "wrong"))
    consent = await party.sign_in(again)
    selection = await party.start(ui_locales=tag, prompt="select_account")

    assert [language_of(page) for page in (login, again, consent, selection)] == [tag] * 4
    assert heading(login) == SIGN_IN[tag]
    assert {page.status for page in (login, consent)} == {200}
    # Where the user goes is no question of language.
    assert "code" in query_of((await party.walk(consent)).location)


@pytest.mark.parametrize(("tag", "words"), [("de", "Ihre Berichte lesen"), ("en", "Read your reports")])
async def test_what_a_scope_allows_is_said_in_the_language_of_the_page(
    make_party: MakeParty, administration: Administration, tag: str, words: str
) -> None:
    name = f"reports-{secrets.token_hex(4)}"
    scope = RegisteredScope(name, "Read your reports", translations={"de": "Ihre Berichte lesen"})
    async with administration.database() as database:
        await CatalogStore(database).put_scope(scope)
    client = await administration.create_web_client(scope=("openid", name))
    party = await make_party(client, await administration.create_user())

    scopes = f"openid {name}"
    await party.sign_in(await party.start(scope="openid", ui_locales=tag))

    async def is_asked_for() -> bool:
        return words in (await party.start(ui_locales=tag, scope=scopes)).page.text

    # A replica hears of a new scope within moments.
    await eventually(is_asked_for)
    consent = await party.start(ui_locales=tag, scope=scopes)
    await party.walk(consent)
    party.browser.headers["Accept-Language"] = tag
    account = await party.browser.follow(await party.browser.get(f"{party.issuer}/account"), within=party.issuer)

    assert language_of(consent) == tag
    assert words in account.page.text


async def test_what_was_asked_for_is_kept_for_this_interaction_alone(party: RelyingParty) -> None:
    german, plain = await party.start(ui_locales="de"), await party.start()

    assert [language_of(await party.browser.get(page.url)) for page in (german, plain)] == ["de", "en"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_form_of_the_client_may_ask_too(party: RelyingParty, method: str) -> None:
    params = dict(party.request_params("v" * 43, ui_locales="ja", redirect_uri="https://elsewhere.example/"))
    party.browser.origin = "https://client.example"
    # A browser that has been here sends cookies, so that the form is not sent again by GET.
    await party.start()

    if method == "GET":
        answer = await party.browser.get(f"{party.issuer}/authorize", list(params.items()))
    else:
        answer = await party.browser.post(f"{party.issuer}/authorize", list(params.items()))

    assert (answer.status, language_of(answer)) == (400, "ja")


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/account/nothing", "/consent?interaction=x", "/logout", "/select-account", "/login?a=1&a=2"],
)
async def test_every_page_that_needs_no_client_is_in_a_language(system: System, path: str) -> None:
    separator = "&" if "?" in path else "?"

    async with Browser(headers={"Accept-Language": "es"}) as browser:
        by_browser = await browser.get(f"{system.issuer}{path}")
        by_address = await browser.get(f"{system.issuer}{path}{separator}ui_locales=de")

    assert (language_of(by_browser), language_of(by_address)) == ("es", "de")
    assert by_browser.status == by_address.status


@pytest.mark.requirement("RP-Initiated Logout §2: ui_locales")
async def test_signing_out_is_in_the_language_that_the_client_asks_for(party: RelyingParty) -> None:
    await party.authorize()

    question = await party.browser.get(f"{party.issuer}/logout?ui_locales=fr")
    signed_out = await party.browser.submit(question, action="logout")
    posted = await party.browser.post(f"{party.issuer}/logout", [("ui_locales", "de")])
    nothing = await party.browser.follow(posted, within=party.issuer)

    assert heading(question) == "Se déconnecter ?"
    assert heading(signed_out) == "Vous êtes déconnecté"
    assert [language_of(page) for page in (question, signed_out, nothing)] == ["fr", "fr", "de"]


@pytest.mark.requirement("security 47: what a stranger sends is bounded before it is parsed")
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("where", ["ui_locales", "Accept-Language"])
async def test_no_language_breaks_a_page(party: RelyingParty, hostile: str, where: str) -> None:
    text = HOSTILE[hostile]
    if where == "ui_locales":
        login = await party.start(ui_locales=text)
        page = await party.browser.get(f"{party.issuer}/nothing?{urlencode({'ui_locales': text})}")
    else:
        party.browser.headers["Accept-Language"] = (
            text.replace("\r\n", " ").replace("\x00", "").encode().decode("latin-1")
        )
        login = await party.start()
        page = await party.browser.get(f"{party.issuer}/nothing")

    # What no parameter may hold is refused as ever.
    refused = hostile == "null" and where == "ui_locales"
    assert (login.status, page.status) == (400 if refused else 200, 404)
    assert {language_of(each) for each in (login, page)} <= {"en", "de"}
    assert not [each for each in (login, page) if text.strip() and text in each.text]
    assert "alert(1)" not in login.text + page.text
    assert "a=b" not in str(login.headers) + str(page.headers)


@pytest.mark.parametrize("repeated", ["ui_locales=de&ui_locales=fr", "ui_locales=de&ui_locales=de"])
async def test_a_repeated_parameter_is_a_fault_of_the_client_as_ever(party: RelyingParty, repeated: str) -> None:
    query = urlencode(party.request_params("v" * 43))

    answer = await party.browser.get(f"{party.issuer}/authorize?{query}&{repeated}")

    assert query_of(answer.location)["error"] == "invalid_request"


@pytest.mark.requirement("RFC 6749 §5.2: what clients read is in one language")
async def test_what_clients_read_stays_english(party: RelyingParty) -> None:
    german = [("Accept-Language", "de"), ("Content-Type", FORM)]
    pairs = [("grant_type", "authorization_code"), ("code", "x"), ("ui_locales", "de")]

    body = urlencode(pairs).encode()
    answer = await party.browser.request("POST", f"{party.issuer}/token", body=body, headers=dict(german))
    redirect = await party.start(ui_locales="de", scope="unheard-of:scope api:read", prompt="nothing")

    assert "Content-Language" not in answer.headers
    assert "client" in answer.text
    assert " ist " not in answer.text
    assert "is not registered for this client" in query_of(redirect.location)["error_description"]


async def test_a_page_of_a_failure_keeps_what_operators_and_developers_read(party: RelyingParty) -> None:
    answer = await party.start(redirect_uri="https://elsewhere.example/", ui_locales="ar")

    (details,) = answer.page.find_all("details")
    paragraph = details.get("p")
    assert (answer.status, language_of(answer)) == (400, "ar")
    assert paragraph.attributes == {"lang": "en", "dir": "ltr"}
    assert "redirect_uri" in paragraph.text
    assert any(len(each.text) == 32 for each in answer.page.find_all("dd"))


@pytest.mark.requirement("RFC 8414 §2: ui_locales_supported")
async def test_the_metadata_names_the_languages(party: RelyingParty) -> None:
    for path in ("oauth-authorization-server", "openid-configuration"):
        document = (await party.get_json(f"/.well-known/{path}")).body

        assert document["ui_locales_supported"] == sorted(SHIPPED)


@pytest.mark.requirement("security 10: a name cannot reorder or break the text around it")
@pytest.mark.parametrize("tag", ["ar", "ja"])
async def test_names_are_data_in_every_language(
    make_party: MakeParty, administration: Administration, tag: str
) -> None:
    client = await administration.create_web_client(client_name="%(app)s {{ 7 }} <b>ثقة\u202e")
    party = await make_party(client)

    login = await party.start(ui_locales=tag)

    (name,) = (each for each in login.page.find_all("bdi") if "%(app)s" in each.text)
    assert name.text == "%(app)s {{ 7 }} <b>ثقة"


async def test_an_answer_without_a_page_has_no_language(party: RelyingParty) -> None:
    await party.authorize()

    answer = await party.start(ui_locales="de")

    assert "code" in query_of(answer.location)
    assert "Content-Language" not in answer.headers
