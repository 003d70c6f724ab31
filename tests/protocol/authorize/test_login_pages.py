"""The way through the pages: sign in, agree, and back to the client with a code."""

import pytest

from support.authorize_server import PASSWORD, REDIRECT_URI, Scene, heading
from support.browser import query_of
from support.relying_party import Person


async def test_a_first_visit_signs_in_agrees_and_ends_with_a_code(scene: Scene) -> None:
    party = scene.party()
    login = await party.start(state="xyz", scope="openid notes:read")
    assert heading(login) == "Sign in"
    consent = await party.sign_in(login)
    assert "Read your notes" in consent.page.text
    assert "app.example" in consent.page.text

    answer = await party.browser.submit(consent, action="allow")

    assert answer.status == 303
    assert answer.location.startswith(REDIRECT_URI)
    params = query_of(answer.location)
    assert params.keys() == {"code", "state", "iss"}
    assert (params["state"], params["iss"]) == ("xyz", scene.issuer)
    assert party.browser.cookies.keys() == {"vk_session", "vk_browser", "vk_device"}


@pytest.mark.requirement("OIDC Core §3.1.2.4: consent once given is remembered for confidential clients")
async def test_the_second_visit_of_a_confidential_client_shows_no_page(scene: Scene) -> None:
    party = scene.party()
    await party.authorize()

    answer = await party.start()

    assert "code" in query_of(answer.location)


async def test_more_scope_than_was_agreed_to_is_asked_for(scene: Scene) -> None:
    party = scene.party()
    await party.authorize(scope="openid")

    answer = await party.start(scope="openid profile")

    assert "asks for access" in heading(answer)


@pytest.mark.requirement("security 43: public clients are asked again")
async def test_the_user_of_a_public_client_is_asked_every_time(scene: Scene) -> None:
    party = scene.party(scene.spa)
    await party.authorize()

    answer = await party.start()

    assert "asks for access" in heading(answer)
    assert "has not been verified" in answer.page.text


@pytest.mark.requirement("security 39: known and unknown users look the same")
async def test_wrong_password_unknown_user_and_disabled_user_look_the_same(scene: Scene) -> None:
    disabled = await scene.server.add_user("bob")
    await scene.server.database.execute("UPDATE users SET enabled = FALSE WHERE username = 'bob'")
    people = [Person("ada", "wrong"), Person("nobody", PASSWORD), disabled, Person("ada", "x" * 5000), Person("a b", "c")]
    answers = []

    for person in people:
        party = scene.party()
        answers.append(await party.sign_in(await party.start(), person))

    assert {answer.status for answer in answers} == {403}
    assert {answer.page.get(id="error").text for answer in answers} == {
        "That user name or password is not right. Check both and try again."
    }


@pytest.mark.parametrize("name", ["ada", "ADA", " Ada ", "ada@example.org", "Ada@Example.ORG"])
async def test_every_spelling_of_the_name_and_the_address_signs_in(scene: Scene, name: str) -> None:
    party = scene.party()

    answer = await party.sign_in(await party.start(), Person(name, PASSWORD))

    assert "asks for access" in heading(answer)


async def test_an_empty_form_is_shown_again(scene: Scene) -> None:
    party = scene.party()

    answer = await party.sign_in(await party.start(), Person("ada", ""))

    assert answer.status == 400
    assert answer.page.get("input", name="username").attributes["value"] == "ada"


async def test_cancelling_the_login_tells_the_client(scene: Scene) -> None:
    party = scene.party()

    answer = await party.browser.submit(await party.start(state="s"), action="cancel")

    params = query_of(answer.location)
    assert (params["error"], params["state"], params["iss"]) == ("access_denied", "s", scene.issuer)


async def test_denying_consent_tells_the_client_and_is_not_remembered(scene: Scene) -> None:
    party = scene.party()
    consent = await party.sign_in(await party.start())

    answer = await party.browser.submit(consent, action="deny")

    assert query_of(answer.location)["error"] == "access_denied"
    assert "asks for access" in heading(await party.start())


async def test_the_login_hint_is_filled_in(scene: Scene) -> None:
    answer = await scene.party().start(login_hint='ada"><b>@example.org')

    assert answer.page.get("input", name="username").attributes["value"] == 'ada"><b>@example.org'
    assert not answer.page.find_all("b")


@pytest.mark.requirement("security 38: session identifier changes at login")
async def test_every_login_has_a_secret_of_its_own_and_ends_the_session_before(scene: Scene) -> None:
    party = scene.party()
    await party.authorize()
    before = party.browser.cookies["vk_session"]

    await party.authorize(prompt="login")

    assert party.browser.cookies["vk_session"] != before
    assert await scene.server.session_id() is not None
    thief = scene.party()
    thief.browser.cookies["vk_session"] = before
    assert heading(await thief.start()) == "Sign in"


@pytest.mark.requirement("OAuth 2.0 Form Post Response Mode §2")
async def test_form_post_answers_with_a_form(scene: Scene) -> None:
    party = scene.party()
    consent = await party.sign_in(await party.start(response_mode="form_post", state="s"))

    answer = await party.browser.submit(consent, action="allow")

    form = answer.page.get("form")
    assert answer.status == 200
    assert form.attributes["action"] == REDIRECT_URI
    assert {field.attributes["name"] for field in form.find_all("input")} == {"code", "state", "iss"}
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_opening_the_login_page_by_its_address_helps(scene: Scene) -> None:
    party = scene.party()

    stranger = await party.browser.get(f"{scene.issuer}/login")
    await party.authorize()
    ada = await party.browser.get(f"{scene.issuer}/login")

    assert (stranger.status, heading(stranger)) == (400, "No application is waiting")
    assert (ada.status, heading(ada)) == (200, "You are still signed in")


@pytest.mark.requirement("OIDC Core §3.1.2.1: the authorization endpoint supports GET and POST")
async def test_a_request_posted_by_another_site_finds_the_session_after_a_redirect(scene: Scene) -> None:
    party = scene.party()
    await party.authorize()
    cookies, party.browser.cookies = party.browser.cookies, {}

    posted = await party.browser.post(
        f"{scene.issuer}/authorize", party.request_params("v" * 43), origin="https://app.example"
    )
    party.browser.cookies = cookies
    answer = await party.browser.follow(posted, within=scene.issuer)

    assert posted.status == 303
    assert "Set-Cookie" not in posted.headers
    assert "code" in query_of(answer.location)
