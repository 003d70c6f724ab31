"""Security 38: the session of a browser: shared by clients, renewed at login, gone after logout, hard to plant."""

import secrets
from urllib.parse import urlencode

import pytest

from support.administration import CALLBACK
from support.browser import Browser, common_name
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.steps import filled
from support.system import System
from support.systems import MakeParty
from support.tokens import claims_of

COOKIES = ("vk_session", "vk_browser", "vk_device")
CONSENT = "Web application asks for access to your account"


async def is_signed_in(party: RelyingParty) -> bool:
    """Whether this browser's user would be known to the client."""
    return response_of(await party.start(prompt="none"), CALLBACK).error != "login_required"


def set_cookies(headers: list[str]) -> dict[str, tuple[str, set[str]]]:
    """Name to value and attributes."""
    parsed = {}
    for header in headers:
        pair, *attributes = header.split("; ")
        name, _, value = pair.partition("=")
        assert name not in parsed
        parsed[name] = (value, set(attributes))
    # With a name of this issuer, or tab, and for the previous release.
    assert all(parsed[name] == parsed[common_name(name)] for name in parsed)
    return {name: found for name, found in parsed.items() if name == common_name(name)}


@pytest.mark.requirement("security 38: HttpOnly, SameSite=Lax, for the whole host only; no Secure on http loopback")
async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(party: RelyingParty) -> None:
    authorize = await party.browser.get(f"{party.issuer}/authorize", party.request_params("v" * 43))
    page = await party.browser.follow(authorize, within=party.issuer)

    posted = await party.browser.post(page.url.partition("?")[0], filled(party, page, "login"))

    begun = set_cookies(authorize.headers.getall("Set-Cookie"))
    signed_in = set_cookies(posted.headers.getall("Set-Cookie"))
    assert begun.keys() == {"vk_browser"}
    assert signed_in.keys() == {"vk_session", "vk_device"}
    lasting = {"Path=/", "HttpOnly", "SameSite=Lax"}
    assert begun["vk_browser"][1] == signed_in["vk_session"][1] == lasting
    assert signed_in["vk_device"][1] == lasting | {"Max-Age=15552000"}
    assert len(begun["vk_browser"][0]) == len(signed_in["vk_session"][0]) == 43


@pytest.mark.requirement("security 38: one login serves every client of the browser")
async def test_signing_in_for_one_client_signs_in_for_all(make_party: MakeParty) -> None:
    first = await make_party()
    others = [await make_party(person=first.person), await make_party(person=first.person, method="none")]
    await first.authorize()
    session = first.browser.cookies["vk_session"]

    for other in others:
        other.browser.cookies = first.browser.cookies
        page = await other.start()

        assert heading(page) == CONSENT
        assert response_of(await other.browser.submit(page, action="allow"), CALLBACK).code
        assert other.browser.cookies["vk_session"] == session


@pytest.mark.requirement("security 38: clients of one session share its sid and auth_time")
async def test_clients_are_told_of_the_same_session(make_party: MakeParty) -> None:
    first = await make_party()
    second = await make_party(person=first.person)
    tokens = await first.log_in()
    second.browser.cookies = first.browser.cookies

    others = await second.log_in()

    one, other = claims_of(tokens.body["id_token"]), claims_of(others.body["id_token"])
    assert (one["sid"], one["auth_time"]) == (other["sid"], other["auth_time"])
    assert one["sid"] not in first.browser.cookies.values()


@pytest.mark.requirement("security 38: the session's secret changes at login and at every login after it")
@pytest.mark.parametrize("again", ["prompt=login", "max_age=0", "after logout", "another user"])
async def test_every_login_makes_the_secret_before_it_worthless(make_party: MakeParty, again: str) -> None:
    party = await make_party()
    before = claims_of((await party.log_in()).body["id_token"])["sid"]
    secret = party.browser.cookies["vk_session"]
    if again == "after logout":
        await party.browser.submit(await party.browser.get(f"{party.issuer}/logout"), action="logout")
    if again == "another user":
        party.person = (await make_party()).person

    changes = {"max_age": "0"} if again == "max_age=0" else {"prompt": "login"}
    after = claims_of((await party.log_in(**changes)).body["id_token"])["sid"]

    assert (after == before) is (again in {"prompt=login", "max_age=0"}), "the same user's session goes on"
    assert party.browser.cookies["vk_session"] != secret
    thief = await make_party(party.client, party.person)
    thief.browser.cookies = {"vk_session": secret}
    assert not await is_signed_in(thief)


@pytest.mark.requirement("security 38: a planted session secret or binding cookie does not become the victim's")
@pytest.mark.parametrize("name", ["vk_session", "vk_browser"])
async def test_a_planted_cookie_is_worth_nothing_after_the_login(make_party: MakeParty, name: str) -> None:
    attacker = await make_party()
    await attacker.authorize()
    victim = await make_party(attacker.client)
    planted = attacker.browser.cookies[name] if name == "vk_browser" else secrets.token_urlsafe(32)
    victim.browser.cookies = {name: planted}

    await victim.authorize(prompt="login")

    assert victim.browser.cookies["vk_session"] != planted
    attacker.browser.cookies = {name: planted}
    assert not await is_signed_in(attacker)


@pytest.mark.requirement("security 38: several same-named cookies are refused")
@pytest.mark.parametrize("name", ["vk_session", "vk_browser"])
@pytest.mark.parametrize("planted", ["A" * 43, "", "the same"])
@pytest.mark.parametrize("order", ["before", "after"])
async def test_a_cookie_that_is_sent_twice_does_not_count(
    party: RelyingParty, name: str, planted: str, order: str
) -> None:
    await party.authorize()
    page = await party.start(prompt="consent")
    cookies = [f"{key}={value}" for key, value in party.browser.cookies.items()]
    second = f"{name}={party.browser.cookies[name] if planted == 'the same' else planted}"
    sent = "; ".join([second, *cookies] if order == "before" else [*cookies, second])

    answer = await party.browser.request("GET", page.url, headers={"Cookie": sent})

    if name == "vk_session":
        assert answer.is_redirect
        assert "/login?" in answer.location
    else:
        assert (answer.status, heading(answer)) == (400, "Your browser did not remember us")


@pytest.mark.requirement("security 38: an invalid session cookie signs no user in")
@pytest.mark.parametrize(
    "value",
    ["", "x", "A" * 43, "A" * 42, "A" * 44, "A" * 3000, '"quoted"', "a b", "é" * 43, "%41" * 43, "' OR 1=1 --", "../x"],
    ids=range(12),
)
async def test_a_cookie_that_is_no_secret_of_ours_has_no_session(party: RelyingParty, value: str) -> None:
    party.browser.cookies = {"vk_session": value}

    assert not await is_signed_in(party)
    assert heading(await party.start()) == "Sign in"


@pytest.mark.requirement("security 38: secrets of other kinds are no session secrets")
async def test_no_other_secret_is_taken_for_a_session(make_party: MakeParty) -> None:
    party = await make_party()
    tokens = await party.log_in()
    page = await party.start(prompt="login")
    sid = str(claims_of(tokens.body["id_token"])["sid"])
    others = [*party.browser.cookies.values(), page.url.partition("=")[2], sid, tokens.refresh_token]
    others.remove(party.browser.cookies["vk_session"])

    for value in others:
        party.browser.cookies = {"vk_session": value}

        assert not await is_signed_in(party)


@pytest.mark.requirement("security 38: the session ends at logout, in every copy of its cookie")
async def test_a_copy_of_the_cookie_is_worth_nothing_after_logout(make_party: MakeParty) -> None:
    party = await make_party()
    await party.authorize()
    copy = dict(party.browser.cookies)

    await party.browser.submit(await party.browser.get(f"{party.issuer}/logout"), action="logout")

    assert "vk_session" not in party.browser.cookies
    party.browser.cookies = copy
    assert not await is_signed_in(party)


@pytest.mark.requirement("security 38: an unused session ends, a used one does too in the end")
@pytest.mark.parametrize(
    ("hours", "lives"),
    [((1,), True), ((11,), True), ((11, 11, 11), True), ((13,), False), ((11, 13), False), ((11,) * 31, False)],
    ids=["used soon", "used late", "kept alive", "idle", "idle later", "beyond its life"],
)
async def test_a_session_lives_as_long_as_settings_say(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, hours: tuple[int, ...], lives: bool
) -> None:
    party = await make_party(at=ageing_system)
    await party.authorize()
    for pause in hours[:-1]:
        clock.advance(hours=pause)
        await is_signed_in(party)

    clock.advance(hours=hours[-1])

    assert await is_signed_in(party) is lives


@pytest.mark.requirement("security 38: a login begins the life of a session anew")
@pytest.mark.parametrize(("again", "lives"), [(True, True), (False, False)])
async def test_signing_in_again_prolongs_a_session(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, again: bool, lives: bool
) -> None:
    party = await make_party(at=ageing_system)
    await party.authorize()

    for use in range(32):
        clock.advance(hours=11)
        if again and use == 16:
            await party.authorize(prompt="login")
        await is_signed_in(party)

    assert await is_signed_in(party) is lives


@pytest.mark.requirement("security 38: a session ends with the user's standing")
@pytest.mark.parametrize("what", ["disabled", "deleted", "password changed", "disabled and enabled"])
async def test_a_session_does_not_outlive_what_it_stands_for(make_party: MakeParty, system: System, what: str) -> None:
    party, administration = await make_party(), system.administration
    await party.authorize()
    assert party.person is not None

    if what == "deleted":
        await administration.delete_user(party.person)
    elif what == "password changed":
        await administration.set_password(party.person, "another password")
    else:
        await administration.disable_user(party.person)
    if what == "disabled and enabled":
        await administration.enable_user(party.person)

    assert not await is_signed_in(party)
    assert heading(await party.start()) == "Sign in"


@pytest.mark.requirement("security 38: one client's prompt=login does not end what the same user's other clients hold")
@pytest.mark.parametrize("who", ["the same user", "another user"])
async def test_logging_in_again_spares_the_other_clients(make_party: MakeParty, who: str) -> None:
    first = await make_party()
    tokens = await first.log_in(scope="openid api:read")
    second = await make_party(person=first.person if who == "the same user" else None)
    second.browser.cookies = first.browser.cookies

    await second.log_in(prompt="login", scope="openid")

    assert (await first.refresh(tokens.refresh_token)).status == (200 if who == "the same user" else 400)


@pytest.mark.requirement("security 11: each tab acts on its own request, whichever was answered first")
@pytest.mark.parametrize("first_to_finish", [0, 1])
async def test_tabs_that_a_new_browser_opens_at_once_both_finish(party: RelyingParty, first_to_finish: int) -> None:
    await party.browser.close()
    party.browser = Browser(keeps_names=True)
    tabs = []
    for number in range(2):
        # Neither has a cookie to send, because neither has been answered yet.
        address, params = f"{party.issuer}/authorize", party.request_params("v" * 43, state=f"tab {number}")
        tabs.append(await party.browser.request("GET", f"{address}?{urlencode(params)}", headers={"Cookie": ""}))
    pages = [await party.browser.follow(answer, within=party.issuer) for answer in tabs]

    order = [first_to_finish, 1 - first_to_finish]
    answers = {number: response_of(await party.walk(pages[number]), CALLBACK) for number in order}

    assert {number: answer.params["state"] for number, answer in answers.items()} == {0: "tab 0", 1: "tab 1"}
    assert answers[0].code != answers[1].code
