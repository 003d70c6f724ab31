"""Every page, held to what every page must keep to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from support.document import Element, parse_document
from support.sample_pages import REFERENCE, every_page, show
from valetkey.authorize.pages.error_words import error_page
from valetkey.authorize.pages.models import FormPostPage, LoggedOutPage, LogoutPage
from valetkey.authorize.pages.renderer import CONTENT_SECURITY_POLICY, FORM_POST_CONTENT_SECURITY_POLICY, Pages
from valetkey.authorize.pages.theme import Theme, ThemeError

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "--><style>*{display:none}</style>",
    "name\r\nSet-Cookie: a=b\x00\u202egnp.exe",
)


PAGES = tuple(every_page())
FORMS = ("login", "login again", "select_account", "not_allowed", "consent", "logout")


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(Theme(name="Acme ID"), base_path="/tenant", demo=True)


@pytest.fixture(params=PAGES)
def document(request: pytest.FixtureRequest, pages: Pages) -> Element:
    return parse_document(show(pages, every_page()[request.param]))


@pytest.mark.requirement("security 10: everything reflected is escaped")
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", PAGES)
def test_untrusted_text_never_becomes_markup(name: str, hostile: str, pages: Pages) -> None:
    harmless = parse_document(show(pages, every_page("Ada")[name]))

    attacked = parse_document(show(pages, every_page(hostile)[name], hostile))

    assert skeleton(attacked) == skeleton(harmless)


def skeleton(document: Element) -> list[tuple[str, tuple[str, ...]]]:
    return [(element.tag, tuple(sorted(element.attributes))) for element in document.find_all()]


@pytest.mark.requirement("security 10: everything reflected is escaped")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_brand_name_is_only_text(hostile: str) -> None:
    acme, attacked = (Pages(Theme(name=name)) for name in ("Acme", hostile))

    assert skeleton(parse_document(attacked.error(error_page(404)))) == skeleton(
        parse_document(acme.error(error_page(404)))
    )


@pytest.mark.requirement("security 10: hidden values come back exactly as they were given")
@pytest.mark.parametrize("value", HOSTILE[:-1])
def test_hidden_fields_carry_their_values_unchanged(value: str, pages: Pages) -> None:
    page = FormPostPage(redirect_uri="https://client.example/?a=1&b=2", parameters=(("state", value),), client_name="X")

    document = parse_document(pages.form_post(page))

    assert document.get("input", name="state").attributes["value"] == value
    assert document.get("form").attributes["action"] == "https://client.example/?a=1&b=2"


@pytest.mark.requirement("security 9: pages without inline script or style and without third-party resources")
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(document: Element) -> None:
    for element in document.find_all():
        assert element.tag not in {"style", "iframe", "object", "embed", "base"}
        assert not {name for name in element.attributes if name.startswith("on") or name == "style"}
        loaded = [element.attributes[name] for name in ("src", "srcset", "data") if name in element.attributes]
        if element.tag == "link":
            loaded.append(element.attributes["href"])
        assert all(address.startswith("/tenant/static/") for address in loaded)
    assert all(script.text == "" and "src" in script.attributes for script in document.find_all("script"))


@pytest.mark.requirement("security 9: script only where a response is posted, a passkey asked for, or a password shown")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_script_only_where_there_is_no_other_way(name: str, pages: Pages) -> None:
    scripts = parse_document(show(pages, every_page()[name])).find_all("script")

    shows_password = name.startswith("login") or name in {"new_password", "reset_password"}
    reasons = {"show_password": shows_password, "passkey": "passkey" in name, "form_post": name == "form_post"}
    assert [script.attributes["src"].partition("?")[0] for script in scripts] == [
        f"/tenant/static/{script}.js" for script, is_there in reasons.items() if is_there
    ]


@pytest.mark.parametrize("name", ["login", "new_password", "reset_password"])
def test_a_button_that_shows_a_password_is_hidden_until_a_script_answers_it(name: str, pages: Pages) -> None:
    document = parse_document(show(pages, every_page()[name]))

    (button,) = (each for each in document.find_all("button") if "data-show-password" in each.attributes)

    assert button.attributes.keys() >= {"hidden", "aria-pressed"}
    fields = [each.attributes["id"] for each in document.find_all("input") if each.attributes["type"] == "password"]
    assert button.attributes["aria-controls"].split() == fields


@pytest.mark.requirement("security 9: what a script is given comes back exactly, and runs nothing")
@pytest.mark.parametrize("name", ["login with passkeys", "second_factor by passkey", "enrol_passkey"])
def test_a_form_that_a_script_answers_is_hidden_until_it_does(name: str, pages: Pages) -> None:
    text = '{"a":"</script>\'"&<b>"}'
    document = parse_document(show(pages, every_page(text)[name]))

    (form,) = (each for each in document.find_all("form") if "data-passkey" in each.attributes)

    assert "hidden" in form.attributes
    assert form.attributes["data-options"] == text
    assert form.get("input", name="method").attributes["value"] == "passkey"
    assert form.get("input", name="passkey").attributes["type"] == "hidden"
    assert len(form.find_all("button")) == 1
    said = form.get(role="status").attributes
    assert all(said[f"data-{reason}"] for reason in ("cancelled", "failed", "exists"))


@pytest.mark.requirement("security 9: CSP without unsafe-inline, frame-ancestors 'none'")
def test_the_policies_allow_no_inline_code_and_no_frames() -> None:
    for policy in (CONTENT_SECURITY_POLICY, FORM_POST_CONTENT_SECURITY_POLICY):
        assert "unsafe" not in policy
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "script-src" not in CONTENT_SECURITY_POLICY


def test_every_address_on_a_page_is_one_of_the_static_files(document: Element, pages: Pages) -> None:
    addresses = [link.attributes["href"] for link in document.find_all("link")]
    addresses += [element.attributes["src"] for element in document.find_all() if "src" in element.attributes]

    for address in addresses:
        path, _, version = address.partition("?v=")
        asset = pages.assets.find(path.removeprefix("/tenant/static/"))
        assert asset is not None
        assert asset.version == version


def test_every_page_has_a_language_a_title_landmarks_and_one_heading(document: Element) -> None:
    assert document.get("html").attributes["lang"] == "en"
    assert document.get("title").text.endswith(" Acme ID")
    assert document.get("h1").text
    assert (
        document.get("main").attributes["id"] == document.get("a", class_="skip visually-hidden").attributes["href"][1:]
    )
    assert document.get("header").text == "Acme ID"
    assert "DEMO" in document.get("aside").text


def test_every_identifier_is_unique_and_every_reference_to_one_holds(document: Element) -> None:
    identifiers = [element.attributes["id"] for element in document.find_all() if "id" in element.attributes]

    assert len(identifiers) == len(set(identifiers))
    for element in document.find_all():
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert element.attributes.get(name, identifiers[0]) in identifiers


def test_every_field_that_shows_has_a_label_and_every_picture_an_alternative(document: Element) -> None:
    labelled = {label.attributes["for"] for label in document.find_all("label")}

    for field in document.find_all("input"):
        assert field.attributes["type"] == "hidden" or field.attributes["id"] in labelled
    assert all("alt" in picture.attributes for picture in document.find_all("img"))
    assert all(drawing.attributes["aria-hidden"] == "true" for drawing in document.find_all("svg"))


def test_every_button_says_what_it_does_and_submits(document: Element) -> None:
    for button in document.find_all("button"):
        assert button.text
        assert button.attributes["type"] == ("button" if "data-show-password" in button.attributes else "submit")


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_shown_where_there_is_one(name: str, pages: Pages) -> None:
    page = every_page()[name]

    assert REFERENCE in parse_document(show(pages, page)).text
    assert "Reference" not in parse_document(show(pages, page, None)).text


@pytest.mark.requirement("security 37: a CSRF token on every POST")
@pytest.mark.parametrize("name", FORMS)
def test_every_form_that_posts_to_us_carries_the_token_and_the_interaction(name: str, pages: Pages) -> None:
    form = parse_document(show(pages, every_page()[name])).get("form")

    assert form.attributes == {"method": "post", "action": "/login"}
    assert form.get("input", name="csrf_token").attributes["value"] == "csrf Ada"
    assert form.get("input", name="interaction").attributes["value"] == "interaction Ada"


@pytest.mark.requirement("security 37: the CSRF token stays with us")
def test_a_form_that_posts_to_the_application_carries_nothing_but_the_response(pages: Pages) -> None:
    form = parse_document(show(pages, every_page()["form_post"])).get("form")

    assert [field.attributes["name"] for field in form.find_all("input")] == ["state", "code"]
    assert form.get("button").text == "Continue"


def test_a_form_without_an_interaction_sends_none(pages: Pages) -> None:
    page = LogoutPage(form_action="/logout", csrf_token="t")

    assert parse_document(pages.logout(page)).find_all("input", name="interaction") == []


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("login", [None, "cancel"]),
        ("select_account", ["continue", "another"]),
        ("consent", ["allow", "deny", "another"]),
        ("logout", ["logout", "stay"]),
    ],
)
def test_each_page_offers_exactly_its_actions(name: str, actions: list[str | None], pages: Pages) -> None:
    all_buttons = parse_document(show(pages, every_page()[name])).find_all("button")
    buttons = [button for button in all_buttons if button.attributes["type"] == "submit"]

    assert [button.attributes.get("value") for button in buttons] == actions
    assert {button.attributes.get("name") for button in buttons} <= {"action", None}


@pytest.mark.parametrize(
    ("render", "page"),
    [
        (Pages.login, "login"),
        (Pages.select_account, "select_account"),
        (Pages.consent, "consent"),
        (Pages.logout, "logout"),
        (Pages.logged_out, "logged_out"),
        (Pages.signed_in, "signed_in"),
        (Pages.form_post, "form_post"),
        (Pages.error, "error"),
    ],
)
def test_each_method_renders_its_template(render: Callable[..., str], page: str, pages: Pages) -> None:
    value = every_page()[page]

    assert render(pages, value, reference=REFERENCE) == show(pages, value)


def test_a_name_that_the_context_lacks_is_an_error(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.render("login.html", client_name="Fleet Planner")


def test_there_is_no_banner_outside_the_demo() -> None:
    assert parse_document(Pages(Theme()).error(error_page(404))).find_all("aside") == []


def test_a_template_of_the_platform_team_wins(tmp_path: Path) -> None:
    (tmp_path / "logged_out.html").write_text("<p>Bye from {{ theme.name }}: {{ client_name }}</p>")

    pages = Pages(Theme(name="Acme"), directory=tmp_path)

    assert pages.logged_out(LoggedOutPage(client_name="<b>")) == "<p>Bye from Acme: &lt;b&gt;</p>"
    assert "Sign out?" in pages.logout(LogoutPage(form_action="/", csrf_token="t"))


def test_a_template_of_the_platform_team_can_extend_ours(tmp_path: Path) -> None:
    (tmp_path / "layout.html").write_text(
        '{% extends "valetkey/layout.html" %}{% block footer %}<footer>Call 4711</footer>{% endblock %}'
    )

    document = parse_document(Pages(Theme(), directory=tmp_path).logged_out(LoggedOutPage()))

    assert document.get("footer").text == "Call 4711"
    assert document.get("h1").text == "You are signed out"


def test_a_missing_templates_directory_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ThemeError, match=r"templates directory .*absent does not exist"):
        Pages(Theme(), directory=tmp_path / "absent")


def test_a_template_that_does_not_compile_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "login.html").write_text("{% if %}")

    with pytest.raises(ThemeError, match=r"template login\.html cannot be used"):
        Pages(Theme(), directory=tmp_path)
