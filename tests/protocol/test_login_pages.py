"""The way through the pages: sign in, agree, and back to the client with a code."""

import pytest

from support.administration import CALLBACK, PASSWORD, Administration
from support.browser import query_of
from support.front_channel import heading
from support.relying_party import Person, RelyingParty
from support.systems import MakeParty


async def test_a_first_visit_signs_in_agrees_and_ends_with_a_code(party: RelyingParty) -> None:
    login = await party.start(state="xyz", scope="openid api:read")
    assert heading(login) == "Sign in"
    consent = await party.sign_in(login)
    assert "Read things of api" in consent.page.text
    assert "client.example" in consent.page.text

    answer = await party.browser.submit(consent, action="allow")

    assert answer.status == 303
    assert answer.location.startswith(CALLBACK)
    params = query_of(answer.location)
    assert params.keys() == {"code", "state", "iss"}
    assert (params["state"], params["iss"]) == ("xyz", party.issuer)
    assert party.browser.cookies.keys() == {"vk_session", "vk_browser", "vk_device"}


@pytest.mark.requirement("OIDC Core §3.1.2.4: consent once given is remembered for confidential clients")
async def test_the_second_visit_of_a_confidential_client_shows_no_page(party: RelyingParty) -> None:
    await party.authorize()

    answer = await party.start()

    assert "code" in query_of(answer.location)


async def test_more_scope_than_was_agreed_to_is_asked_for(party: RelyingParty) -> None:
    await party.authorize(scope="openid")

    answer = await party.start(scope="openid profile")

    assert "asks for access" in heading(answer)


@pytest.mark.requirement("security 43: public clients are asked again")
async def test_the_user_of_a_public_client_is_asked_every_time(make_party: MakeParty) -> None:
    party = await make_party(method="none")
    await party.authorize()

    answer = await party.start()

    assert "asks for access" in heading(answer)


@pytest.mark.requirement("security 39: known and unknown users look the same")
async def test_wrong_password_unknown_user_and_disabled_user_look_the_same(
    make_party: MakeParty, administration: Administration
) -> None:
    known, disabled = await administration.create_user(), await administration.create_user()
    await administration.disable_user(disabled)
    people = [
        Person(known.username, "wrong"),
        Person(known.username, "x" * 5000),
        Person(f"unknown-{known.username}", PASSWORD),
        Person(f"no body {known.username}", PASSWORD),
        disabled,
    ]
    answers = []

    for person in people:
        party = await make_party(person=person)
        answers.append(await party.sign_in(await party.start()))

    assert {answer.status for answer in answers} == {403}
    assert {answer.page.get(id="error").text for answer in answers} == {
        "That user name or password is not right. Check both and try again."
    }
    assert not any("Set-Cookie" in answer.headers for answer in answers)


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda name: f"  {name} ", lambda name: f"{name}@EXAMPLE.com"])
async def test_every_spelling_of_the_name_and_the_address_signs_in(party: RelyingParty, spell: type[str]) -> None:
    assert party.person is not None

    answer = await party.sign_in(await party.start(), Person(spell(party.person.username), PASSWORD))

    assert "asks for access" in heading(answer)


async def test_an_empty_form_is_shown_again(party: RelyingParty) -> None:
    answer = await party.sign_in(await party.start(), Person("ada", ""))

    assert answer.status == 400
    assert answer.page.get("input", name="username").attributes["value"] == "ada"
    assert answer.page.get("input", name="password").attributes.get("value", "") == ""


async def test_a_wrong_password_is_not_repeated_on_the_page(party: RelyingParty) -> None:
    answer = await party.sign_in(await party.start(), Person("ada", "canary-password"))

    assert "canary-password" not in answer.text


async def test_cancelling_the_login_tells_the_client(party: RelyingParty) -> None:
    answer = await party.browser.submit(await party.start(state="s"), action="cancel")

    params = query_of(answer.location)
    assert (params["error"], params["state"], params["iss"]) == ("access_denied", "s", party.issuer)


async def test_denying_consent_tells_the_client_and_is_not_remembered(party: RelyingParty) -> None:
    consent = await party.sign_in(await party.start())

    answer = await party.browser.submit(consent, action="deny")

    assert query_of(answer.location)["error"] == "access_denied"
    assert "asks for access" in heading(await party.start())


async def test_the_login_hint_is_filled_in_as_text(party: RelyingParty) -> None:
    answer = await party.start(login_hint='ada"><b>@example.org')

    assert answer.page.get("input", name="username").attributes["value"] == 'ada"><b>@example.org'
    assert not answer.page.find_all("b")


@pytest.mark.requirement("security 38: session identifier changes at login")
async def test_every_login_has_a_secret_of_its_own_and_ends_the_session_before(make_party: MakeParty) -> None:
    party = await make_party()
    await party.authorize()
    before = party.browser.cookies["vk_session"]

    await party.authorize(prompt="login")

    assert party.browser.cookies["vk_session"] != before
    thief = await make_party(party.client, party.person)
    thief.browser.cookies["vk_session"] = before
    assert heading(await thief.start()) == "Sign in"


async def test_opening_the_login_page_by_its_address_helps(party: RelyingParty) -> None:
    signed_out = await party.browser.get(f"{party.issuer}/login")
    await party.authorize()
    user = await party.browser.get(f"{party.issuer}/login")

    assert (signed_out.status, heading(signed_out)) == (400, "No application is waiting")
    assert (user.status, heading(user)) == (200, "You are still signed in")


@pytest.mark.requirement("OIDC Core §3.1.2.1: the authorization endpoint supports GET and POST")
async def test_a_request_posted_by_another_site_finds_the_session_after_a_redirect(party: RelyingParty) -> None:
    await party.authorize()
    cookies, party.browser.cookies = party.browser.cookies, {}

    posted = await party.browser.post(f"{party.issuer}/authorize", party.request_params("v" * 43, state="s+ &~"))
    party.browser.cookies = cookies
    answer = await party.browser.follow(posted, within=party.issuer)

    assert posted.status == 303
    assert "Set-Cookie" not in posted.headers
    assert query_of(answer.location)["state"] == "s+ &~"
    assert "code" in query_of(answer.location)


async def test_a_request_posted_with_cookies_is_answered_at_once(party: RelyingParty) -> None:
    await party.authorize()

    answer = await party.browser.post(f"{party.issuer}/authorize", party.request_params("v" * 43))

    assert answer.status == 303
    assert answer.location.startswith(CALLBACK)


@pytest.mark.requirement("OIDC Core §3.1.2.2: no answer for another user than the one that is meant")
async def test_a_hint_at_another_user_is_met_by_that_user_only(make_party: MakeParty) -> None:
    party = await make_party()
    hint = (await party.log_in()).body["id_token"]
    other = await make_party(party.client)

    login = await other.start(id_token_hint=hint)
    wrong_person = await other.sign_in(login)
    right_person = await other.sign_in(login, party.person)

    assert (wrong_person.status, wrong_person.page.get(id="error").text) == (
        403,
        "The application asks for another account. Sign in with that one, or cancel.",
    )
    assert "code" in query_of((await other.walk(right_person)).location)
