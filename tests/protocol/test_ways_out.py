"""The issuer's home page, and the pages of a login that cannot go on: each says what happened and leads on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from support.administration import Administration
from support.browser import Answer, form_of
from support.client_logout import id_token
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.steps import STEPS, filled, reach
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE

START = "https://client.example/start"
GONE = "This sign-in has expired"
UNREMEMBERED = "Your browser did not remember us"


def ways_out(answer: Answer) -> list[tuple[str, str]]:
    """Where the links of a page lead, and what they say."""
    links = [(link.attributes["href"], link.text.strip()) for link in answer.page.find_all("a")]
    return [(href, text) for href, text in links if href != "#main"]


HOME = [("/", "Go to the start page of Valetkey")]
BACK = [(START, "Go back to Web application")]


@dataclass(frozen=True, slots=True)
class Lost:
    """A page that a person can come to, its status and its heading."""

    open: Callable[[RelyingParty], Awaitable[Answer]]
    status: int
    heading: str


async def open_bookmark(party: RelyingParty) -> Answer:
    """The login page, days later in the same browser: its interaction is not there any more."""
    page = await party.start()
    return await party.browser.get(page.url.replace("interaction=", "interaction=A", 1))


async def open_bookmark_elsewhere(party: RelyingParty) -> Answer:
    page = await party.start()
    party.browser.cookies.clear()
    return await party.browser.get(page.url)


async def go_back(party: RelyingParty) -> Answer:
    """The browser asks for the page before the last again."""
    page = await reach(party, "consent")
    await party.browser.submit(page, action="allow")
    return await party.browser.get(page.url)


async def submit_again(party: RelyingParty) -> Answer:
    page = await reach(party, "consent")
    await party.browser.submit(page, action="allow")
    return await party.browser.submit(page, action="allow")


LOST = {
    "a bookmark": Lost(open_bookmark, 410, GONE),
    "a bookmark in another browser": Lost(open_bookmark_elsewhere, 400, UNREMEMBERED),
    "Back": Lost(go_back, 410, GONE),
    "a form for a second time": Lost(submit_again, 410, GONE),
}


@pytest.mark.requirement("pages: no page of a login is a dead end")
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(("client_uri", "ways"), [(START, BACK), (None, HOME)], ids=["client_uri", "none"])
async def test_a_login_that_cannot_go_on_leads_to_the_application_or_home(
    make_party: MakeParty,
    administration: Administration,
    lost: str,
    client_uri: str | None,
    ways: list[tuple[str, str]],
) -> None:
    party = await make_party(await administration.create_web_client(client_uri=client_uri))

    page = await LOST[lost].open(party)

    assert (page.status, heading(page)) == (LOST[lost].status, LOST[lost].heading)
    assert ways_out(page) == ways


@pytest.mark.requirement("pages: no page of a login is a dead end")
@pytest.mark.parametrize("step", STEPS)
async def test_a_login_that_has_expired_leads_back_from_its_page_and_its_form(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, step: str
) -> None:
    party = await make_party(await ageing_system.administration.create_web_client(client_uri=START), at=ageing_system)
    page = await reach(party, step)
    clock.advance(seconds=ageing_system.settings.login_lifetime + CLOCK_TOLERANCE.total_seconds() + 1)

    shown = await party.browser.get(page.url)
    posted = await party.browser.post(form_of(page).action, filled(party, page, step))

    assert [(each.status, heading(each), ways_out(each)) for each in (shown, posted)] == [(410, GONE, BACK)] * 2


@pytest.mark.requirement("security 6: what an address says of a client leads to what that client has registered")
@pytest.mark.parametrize(
    "named",
    [
        "client=nobody", "client=", "client=https://evil.example/", "client=a&client=b", "client=%zz",
        "client=%00", "client_uri=https://evil.example/", "client_name=Evil",
    ],
)  # fmt: skip
@pytest.mark.parametrize("endpoint", ["/login", "/select-account", "/consent"])
async def test_an_address_that_names_no_client_of_ours_leads_home(
    party: RelyingParty, endpoint: str, named: str
) -> None:
    page = await party.browser.get(f"{party.issuer}{endpoint}?{named}")
    posted = await party.browser.post(f"{party.issuer}{endpoint}?{named}", [])

    assert (page.status, posted.status) == (400, 400)
    assert ways_out(page) == ways_out(posted) == HOME
    assert "vil" not in page.text


@pytest.mark.requirement("security 6: a client that is disabled is not linked")
async def test_a_disabled_client_is_not_linked(make_party: MakeParty, administration: Administration) -> None:
    disabled = await administration.create_web_client(client_uri=START, enabled=False)
    party = await make_party(disabled)

    page = await party.browser.get(f"{party.issuer}/login?client={disabled.client_id}")

    assert ways_out(page) == HOME


async def test_a_login_page_without_a_request_leads_to_the_application_that_its_address_names(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(client_uri=START))

    page = await party.browser.get(f"{party.issuer}/login?client={party.client.client_id}")

    assert (page.status, heading(page), ways_out(page)) == (400, "No application is waiting", BACK)


@pytest.mark.parametrize("path", ["/nowhere", "/login/x", "/logout?post_logout_redirect_uri=https://evil.example/"])
async def test_every_other_page_of_a_failure_leads_home(party: RelyingParty, path: str) -> None:
    assert ways_out(await party.browser.get(f"{party.issuer}{path}")) == HOME


@pytest.mark.requirement("pages: the issuer's own home says what to do")
async def test_the_home_page_of_a_browser_without_a_session(party: RelyingParty) -> None:
    page = await party.browser.get(f"{party.issuer}/")

    assert (page.status, heading(page)) == (200, "This is where Valetkey signs you in")
    assert "Open the application that you want to use" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    assert not page.page.find_all("form")


@pytest.mark.requirement("pages: the issuer's own home says who is signed in, and signs out")
async def test_the_home_page_names_the_user_and_leads_to_signing_out(party: RelyingParty) -> None:
    await party.authorize()
    assert party.person is not None

    page = await party.browser.get(f"{party.issuer}/")
    asked = await party.browser.get(form_of(page).action)
    done = await party.browser.submit(asked, action="logout")
    home = await party.browser.get(f"{party.issuer}/")

    assert (heading(page), heading(asked), heading(done)) == ("You are signed in", "Sign out?", "You are signed out")
    assert party.person.username in page.page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert heading(home) == "This is where Valetkey signs you in"


async def test_who_has_signed_out_is_led_back_to_the_application(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(client_uri=START))

    page = await party.browser.get(f"{party.issuer}/logout", [("id_token_hint", await id_token(party))])

    assert (heading(page), ways_out(page)) == ("You are signed out", BACK)


@pytest.mark.parametrize("address", ["/tenant", "/tenant/"])
async def test_an_issuer_with_a_path_has_its_home_there(
    start_system: StartSystem, make_party: MakeParty, address: str
) -> None:
    system = await asyncio.to_thread(start_system, issuer_path="/tenant")
    party = await make_party(at=system)

    home = await party.browser.get(f"{system.origin}{address}")
    lost = await party.browser.get(f"{system.origin}/tenant/nowhere")
    outside = await party.browser.get(f"{system.origin}/")

    assert (home.status, lost.status, outside.status) == (200, 404, 404)
    assert ways_out(lost) == [("/tenant", HOME[0][1])]
