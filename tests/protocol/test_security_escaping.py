"""Security 10: untrusted text is shown as text, wherever it turns up, and cannot pretend to be anything else."""

import re
import unicodedata

import pytest

from support.administration import CALLBACK, Administration
from support.browser import Answer, form_of
from support.front_channel import heading, require_shown, response_of
from support.public_routes import PAGE_PATHS
from support.relying_party import Person, RelyingParty
from support.steps import FORMS, reach
from support.systems import MakeParty

HOSTILE = {
    "element": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "double quotes": '" onmouseover="alert(1)" x="',
    "single quotes": "' onmouseover='alert(1)' x='",
    "end of title": "</title><svg onload=alert(1)>",
    "end of attribute": "\"><form action='https://evil.example'>",
    "comment": "--><!--<b>",
    "entity": "&lt;b&gt;&amp;&quot;",
    "template": "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "javascript": "javascript:alert(1)",
    "backslash": "\\u003cscript\\u003e",
    "ideograph": "<\u017fcript>\uff1cb\uff1e",
    "right to left": "\u202eelpmaxe\u202c \u2066x\u2069 \u200f",
    "invisible": "Trusted\u200b\ufeff Bank\u00ad",
    "line breaks": "Trusted\r\n\u2028Bank",
}
TRICKS = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u200b\ufeff\u00ad\r\u2028\u2029]")


def require_inert(answer: Answer) -> None:
    """The page has no element, attribute or target that our templates do not write."""
    page = answer.page
    for tag in ("script", "img", "form", "a", "title", "svg", "b"):
        for element in page.find_all(tag):
            assert not [name for name in element.attributes if name.startswith("on")], element.attributes
    assert not page.find_all("b")
    assert len(page.find_all("title")) == 1
    assert len(page.find_all("form")) <= 1
    assert all(script.attributes.get("src", "").startswith("/static/") for script in page.find_all("script"))
    assert all(image.attributes["src"].startswith("/static/") for image in page.find_all("img"))
    assert not any(link.attributes["href"].lower().startswith("javascript") for link in page.find_all("a"))


def without_tricks(text: str) -> str:
    """What a reader sees: one line, without what is invisible or turns text around."""
    shown = "".join(" " if c.isspace() else c for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) not in {"Cc", "Cf"}).split())


@pytest.mark.requirement("security 10: a hostile client name is text on every page")
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_client_may_be_called_anything(
    make_party: MakeParty, administration: Administration, hostile: str
) -> None:
    name = HOSTILE[hostile]
    for method in ("client_secret_basic", "none"):
        party = await make_party(await administration.create_web_client(method, client_name=name))

        pages = [await reach(party, form) for form in FORMS]
        pages.append(await party.browser.get(f"{party.issuer}/logout", [("client_id", party.client.client_id)]))
        pages.append(await party.start(scope="nosuch", response_mode="form_post"))
        pages.append(await party.browser.submit(pages[-2], action="logout"))

        for page in pages:
            require_inert(page)
            assert not TRICKS.search(page.page.text)
        for page in (*pages[:3], *pages[4:]):
            assert without_tricks(name) in page.page.text


@pytest.mark.requirement("security 10: a hostile user is text on every page")
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_user_may_be_called_anything(
    make_party: MakeParty, administration: Administration, hostile: str
) -> None:
    name = HOSTILE[hostile]
    person = await administration.create_user(claims={"name": name, "given_name": name})
    party = await make_party(person=person)

    pages = [await reach(party, form) for form in FORMS]
    pages.append(await party.browser.submit(pages[-1], action="stay"))

    for page in pages:
        require_inert(page)
        assert not TRICKS.search(page.page.text)
    for page in pages[1:]:
        assert without_tricks(name) in page.page.text


@pytest.mark.requirement("security 10: what was typed as a user name comes back as the same text")
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_anything_may_be_typed_as_a_user_name(party: RelyingParty, hostile: str) -> None:
    typed = HOSTILE[hostile].replace("\r\n", "")

    answer = await party.sign_in(await party.start(), Person(typed, "wrong"))

    require_inert(answer)
    assert answer.status == 403
    assert answer.page.get("input", name="username").attributes["value"] == typed
    assert typed not in answer.page.text


@pytest.mark.requirement("security 10: a login_hint is text in a field, or nothing")
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_login_hint_is_the_content_of_a_field(party: RelyingParty, hostile: str) -> None:
    answer = await party.start(login_hint=HOSTILE[hostile])

    require_inert(answer)
    assert answer.page.get("input", name="username").attributes["value"] in {HOSTILE[hostile], ""}


@pytest.mark.requirement("security 10: state and every other parameter are shown nowhere but in the answer")
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_hostile_request_reaches_no_page(party: RelyingParty, hostile: str) -> None:
    value = HOSTILE[hostile]
    names = ("nonce", "acr_values", "ui_locales", "display", "foo", value)

    login = await party.start(**dict.fromkeys(names, value))
    refused = await party.start(client_id=value)
    elsewhere = await party.start(redirect_uri=value)
    path = await party.browser.get(f"{party.issuer}/nowhere", [(value, value)])

    for page in (login, refused, elsewhere, path):
        require_inert(page)
        assert without_tricks(value) not in page.page.text
    assert heading(login) == "Sign in"
    assert require_shown(refused) == require_shown(elsewhere)


@pytest.mark.requirement("security 10: state in a form_post page is the content of a field")
@pytest.mark.parametrize("hostile", [name for name, text in HOSTILE.items() if text.isascii() and text.isprintable()])
async def test_state_in_a_form_is_the_content_of_a_field(party: RelyingParty, hostile: str) -> None:
    await party.authorize()

    answer = await party.start(response_mode="form_post", state=HOSTILE[hostile])

    require_inert(answer)
    assert response_of(answer, CALLBACK).params["state"] == HOSTILE[hostile]
    assert len(form_of(answer).fields) == 3


@pytest.mark.requirement("security 10: an incoming error is never shown as ours")
@pytest.mark.parametrize("endpoint", [*PAGE_PATHS, "/nowhere"])
async def test_an_untrusted_error_text_is_not_repeated(party: RelyingParty, endpoint: str) -> None:
    lie = "Your account is locked. Call 555-0100"

    answer = await party.browser.get(
        f"{party.issuer}{endpoint}", [("error", "access_denied"), ("error_description", lie), ("error_uri", lie)]
    )

    assert "555-0100" not in answer.text
    assert "access_denied" not in answer.text


@pytest.mark.requirement("security 10: links on the consent page lead to web pages only")
@pytest.mark.parametrize(
    ("uri", "is_linked"),
    [
        ("https://client.example/privacy?a=1&b=\"'", True),
        ("http://127.0.0.1:8000/privacy", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)//https://client.example", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("https:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\tscript:alert(1)", False),
        ("//evil.example", False),
    ],
)
async def test_only_web_pages_are_linked(
    make_party: MakeParty, administration: Administration, uri: str, is_linked: bool
) -> None:
    client = await administration.create_web_client(client_uri=uri, policy_uri=uri, tos_uri=uri)
    party = await make_party(client)

    page = await party.sign_in(await party.start())

    links = [link for link in page.page.find_all("a") if link.attributes["href"] != "#main"]
    assert len(links) == (2 if is_linked else 0)
    for link in links:
        assert link.attributes["href"] == uri
        assert link.attributes["rel"] == "noopener noreferrer"


@pytest.mark.requirement("security 10: a long name cannot push what matters off the page")
async def test_a_long_client_name_is_cut(make_party: MakeParty, administration: Administration) -> None:
    party = await make_party(await administration.create_web_client("none", client_name="Trust me " * 1000))

    page = await party.sign_in(await party.start())

    assert len(heading(page)) < 200
    assert "client.example" in page.page.text
