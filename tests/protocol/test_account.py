"""The account page: what a user sees, what a user changes, and that nobody else does."""

import pytest

from support.account_page import entries, forms, press, visit
from support.administration import CALLBACK
from support.browser import form_of
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.relying_party import Person
from support.second_factor import CODES, ENROL, MakeSecond, SecondFactorParty

ACCOUNT, CONFIRM, PASSWORD = "Your account", "Confirm that it is you", "Choose a new password"
NEW = "a new password of many words"


async def test_a_visitor_signs_in_and_arrives(make_second: MakeSecond) -> None:
    second = await make_second()

    login = await second.go(f"{second.party.issuer}/account")
    assert (heading(login), "to continue to" in login.text) == ("Sign in", True)
    page = await second.party.sign_in(login)

    assert (page.status, heading(page)) == (200, ACCOUNT)
    assert "this one" in entries(page)


async def test_cancelling_the_login_leads_home(make_second: MakeSecond) -> None:
    second = await make_second()
    login = await second.go(f"{second.party.issuer}/account")

    left = await second.party.browser.submit(login, action="cancel")

    assert left.location == f"{second.party.issuer}/"


@pytest.mark.requirement("the account page is no client of anybody: nothing at /authorize or /token knows it")
async def test_its_client_is_registered_nowhere(make_second: MakeSecond) -> None:
    second = await make_second()

    answer = await second.party.start(client_id="valetkey:account", redirect_uri=f"{second.party.issuer}/account")

    assert answer.status == 400
    assert not answer.is_redirect
    reply = await second.party.post(
        "/token", [("grant_type", "client_credentials"), ("client_id", "valetkey:account")], authenticate=False
    )
    assert reply.error == "invalid_client"


@pytest.mark.requirement("account: a new password ends every session and grant but the one in which it was chosen")
async def test_a_new_password_ends_everything_else(make_second: MakeSecond) -> None:
    second = await make_second()
    tokens = await second.party.log_in(scope="openid offline_access")
    elsewhere = await make_second(second.party.person)
    await elsewhere.party.authorize()
    page = await visit(second, "/account/password")
    assert heading(page) == PASSWORD

    changed = await second.party.browser.submit(page, password=NEW, again=NEW)
    shown = await second.party.browser.follow(changed, within=second.party.issuer)

    assert heading(shown) == ACCOUNT
    assert "Your password is changed" in entries(shown)
    assert (await second.party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert heading(await elsewhere.party.start()) == "Sign in"
    assert second.party.person is not None
    old = await elsewhere.party.sign_in(await elsewhere.party.start())
    assert old.status == 403
    new = Person(second.party.person.username, NEW, second.party.person.subject)
    signed_in = await elsewhere.party.walk(await elsewhere.party.sign_in(await elsewhere.party.start(), new))
    assert response_of(signed_in, CALLBACK).code


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("", "", "Enter the new password twice"),
        (NEW, "", "Enter the new password twice"),
        (NEW, f"{NEW}!", "not the same"),
        ("short", "short", "at least 8 characters"),
        ("password1", "password1", "most common"),
        ("x" * 5000, "x" * 5000, "at most"),
    ],
)
async def test_a_password_that_will_not_do_says_why(
    make_second: MakeSecond, password: str, again: str, words: str
) -> None:
    second = await make_second()
    page = await visit(second, "/account/password")

    refused = await second.party.browser.submit(page, password=password, again=again)

    assert (refused.status, heading(refused)) == (400, PASSWORD)
    assert words in refused.text
    assert second.party.person is not None
    assert (await second.party.sign_in(await second.party.start(prompt="login"))).status == 200


async def test_the_user_name_is_no_password(make_second: MakeSecond) -> None:
    second = await make_second()
    assert second.party.person is not None
    name = second.party.person.username

    refused = await second.party.browser.submit(await visit(second, "/account/password"), password=name, again=name)

    assert "must not be the user name" in refused.text


@pytest.mark.requirement("account: every change asks for a login of the last ten minutes")
@pytest.mark.parametrize("path", ["/account/password", "/account/totp"])
async def test_a_page_that_changes_something_asks_for_a_recent_login(
    make_second: MakeSecond, clock: MovableClock, path: str
) -> None:
    second = await make_second()
    await visit(second)
    clock.advance(minutes=11)

    page = await second.go(f"{second.party.issuer}{path}")

    assert heading(page) == CONFIRM
    assert heading(await second.party.sign_in(page)) == (PASSWORD if "password" in path else ENROL)


@pytest.mark.requirement("account: every change asks for a login of the last ten minutes")
@pytest.mark.parametrize("action", ["end_session", "end_others", "withdraw", "remove", "new_codes"])
async def test_a_form_of_long_ago_asks_for_a_login_and_changes_nothing(
    make_second: MakeSecond, clock: MovableClock, action: str
) -> None:
    second = await make_second(enrolled=True)
    elsewhere = await make_second(second.party.person)
    elsewhere.app = second.app
    await second.finish(await second.answer(await second.to_second_factor(), second.next_code()), "v")
    await elsewhere.answer(await elsewhere.to_second_factor(), second.next_code())
    page = await visit(second)
    before = entries(page)
    clock.advance(minutes=11)

    asked = await press(second, page, action)

    assert heading(asked) == CONFIRM
    confirmed = await second.answer(await second.party.sign_in(asked), second.next_code())
    assert "Now do it once more" in entries(confirmed)
    for line in ("Authenticator app", "10 left", "Web application"):
        assert line in before
        assert line in entries(confirmed)


async def test_an_app_is_set_up_and_removed(make_second: MakeSecond) -> None:
    second = await make_second()
    page = await visit(second, "/account/totp")
    assert "Use another account" not in page.text
    wrong = await second.party.browser.submit(page, code="000000")
    assert (wrong.status, heading(wrong)) == (403, ENROL)

    shown = await second.set_up(wrong)

    assert heading(shown) == ACCOUNT
    assert "10 left" in entries(shown)
    assert len(second.recovery_codes) == 10
    # What was just proven is not asked for again.
    gone = await press(second, shown, "remove")
    assert "It is removed." in entries(gone)
    assert "Recovery codes" not in entries(gone)
    assert not forms(gone, "remove")


async def test_new_codes_take_the_place_of_the_old(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True)
    page = await visit(second)

    shown = await press(second, page, "new_codes")

    assert heading(shown) == CODES
    codes = [each.text for each in shown.page.find_all("code")]
    assert len(codes) == 10
    assert set(codes).isdisjoint(second.recovery_codes)
    asked = await second.to_second_factor(prompt="login")
    old = await second.party.browser.submit(asked, method="recovery_code", code=second.recovery_codes[0])
    assert old.status == 403
    assert (await second.party.browser.submit(asked, method="recovery_code", code=codes[0])).is_redirect


async def test_browsers_are_listed_and_signed_out(make_second: MakeSecond) -> None:
    second = await make_second()
    others = [await make_second(second.party.person) for _ in range(3)]
    for each, agent in zip(others, ("Firefox/131 (X11; Linux)", "curl/8.5.0", ""), strict=True):
        each.party.browser.headers["User-Agent"] = agent
        await each.party.authorize()
    page = await visit(second)
    assert "Firefox on Linux" in entries(page)
    assert "curl" in entries(page)
    assert len(forms(page, "end_session")) == 3

    ended = await press(second, page, "end_session")

    assert "That browser is signed out." in entries(ended)
    assert [await is_signed_out(each) for each in others].count(True) == 1
    all_ended = await press(second, ended, "end_others")
    assert not forms(all_ended, "end_session")
    assert [await is_signed_out(each) for each in others] == [True] * 3
    assert heading(await visit(second)) == ACCOUNT


async def is_signed_out(second: SecondFactorParty) -> bool:
    answer = await second.party.start(prompt="none")
    return response_of(answer, CALLBACK).error == "login_required"


async def test_what_was_agreed_to_is_taken_back(make_second: MakeSecond) -> None:
    second = await make_second()
    tokens = await second.party.log_in(scope="openid offline_access")
    page = await visit(second)
    assert "Web application" in entries(page)

    taken = await press(second, page, "withdraw")

    assert "You have agreed to nothing." in entries(taken)
    assert (await second.party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert not (await second.party.start()).is_redirect


@pytest.mark.requirement("account: nobody changes what is another's")
async def test_what_is_another_s_stays(make_second: MakeSecond) -> None:
    ada, bob = await make_second(), await make_second(enrolled=True)
    await bob.answer(await bob.to_second_factor(), bob.next_code())
    await ada.party.authorize()
    of_bob, of_ada = await visit(bob), await visit(ada)
    (token,) = {
        each.attributes["value"]
        for form in of_ada.page.find_all("form")
        for each in form.find_all("input")
        if each.attributes["name"] == "csrf_token"
    }
    credential = forms(of_bob, "remove")[0].find_all("input")
    credential_id = next(each.attributes["value"] for each in credential if each.attributes["name"] == "credential_id")

    for pairs in (
        [("action", "remove"), ("credential_id", credential_id)],
        [("action", "remove"), ("credential_id", "nonsense")],
        [("action", "end_session"), ("session_id", credential_id)],
        [("action", "withdraw"), ("client_id", bob.party.client.client_id)],
    ):
        await ada.party.browser.post(f"{ada.party.issuer}/account", [("csrf_token", token), *pairs])

    assert "Authenticator app" in entries(await visit(bob))


@pytest.mark.requirement("account: a form counts for the session and the browser that it was shown to")
@pytest.mark.parametrize("how", ["no token", "token of another session", "another site", "unknown action"])
async def test_a_form_that_is_not_ours_changes_nothing(make_second: MakeSecond, how: str) -> None:
    second, other = await make_second(), await make_second()
    await visit(second)
    token = ""
    if how == "token of another session":
        setup = await visit(other, "/account/password")
        token = dict(form_of(setup).fields)["csrf_token"]
    elif how != "no token":
        token = dict(form_of(await visit(second, "/account/password")).fields)["csrf_token"]
    if how == "another site":
        second.party.browser.headers["Sec-Fetch-Site"] = "cross-site"
    action = "nothing" if how == "unknown action" else "end_others"

    answer = await second.party.browser.post(
        f"{second.party.issuer}/account", [("csrf_token", token), ("action", action)]
    )

    assert answer.status == (400 if how == "unknown action" else 403)


async def test_looking_by_head_leaves_nothing(make_second: MakeSecond) -> None:
    second = await make_second()

    answer = await second.party.browser.request("HEAD", f"{second.party.issuer}/account")

    assert answer.status == 303
    assert "Set-Cookie" not in answer.headers


async def test_a_login_at_the_account_page_signs_in_to_applications(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True)
    await visit(second)

    answer = await second.party.walk(await second.party.start())

    assert response_of(answer, CALLBACK).code
