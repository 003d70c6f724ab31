"""Whether people stay signed in when they close the browser: as settings say, or as they choose at the login."""

import pytest

from support.administration import CALLBACK
from support.browser import Answer, form_of
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.passkey_party import MakePasskeyParty
from support.relying_party import Person, RelyingParty
from support.second_factor import MakeSecond, SecondFactorParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.authentication.acr import ACR_MFA

RULES = ("never", "choice", "always")
DAY = 86400
NEW = "a new password of many words"


@pytest.fixture(scope="module")
def systems(start_system: StartSystem, clock: MovableClock) -> dict[str, System]:
    """One for each setting. A session may be unused for an hour, one that is kept for a day; they live for two."""
    lifetimes = {
        "session_idle_lifetime": "1h",
        "kept_session_idle_lifetime": "1d",
        "session_lifetime": "2d",
    }
    return {rule: start_system(clock=clock, changes={"keep_signed_in": rule, **lifetimes}) for rule in RULES} | {
        # Browsers have passkeys for a name, and none for an address.
        "passkeys": start_system(host="localhost", clock=clock, changes={"keep_signed_in": "choice", **lifetimes})
    }


def known(party: RelyingParty) -> Person:
    """The user of a relying party."""
    assert party.person is not None
    return party.person


def box_of(page: Answer) -> dict[str, str]:
    """The box of the login page."""
    (box,) = (each.attributes for each in page.page.find_all("input") if each.attributes.get("type") == "checkbox")
    return box


async def to_session(second: SecondFactorParty, *, keep: bool) -> None:
    """Sign in, by everything that the user has set up."""
    page = await second.party.sign_in(await second.party.start(), fields={"keep": "on"} if keep else {})
    if "/second-factor" in page.url:
        await second.answer(page, second.next_code())
    assert await is_signed_in(second.party)


async def is_signed_in(party: RelyingParty) -> bool:
    """Whether the browser has a session that counts."""
    answer = await party.start(prompt="none")
    return response_of(answer, CALLBACK).error != "login_required"


async def stays(party: RelyingParty) -> bool:
    """Whether the browser has a session that counts, after it was closed."""
    assert await is_signed_in(party)
    party.browser.reopen()
    return await is_signed_in(party)


@pytest.mark.parametrize("choice", [{}, {"keep": "on"}, {"keep": "off"}])
@pytest.mark.parametrize("rule", RULES)
async def test_a_session_stays_as_the_setting_says_and_the_person_chooses(
    systems: dict[str, System], make_party: MakeParty, rule: str, choice: dict[str, str]
) -> None:
    party = await make_party(at=systems[rule])
    page = await party.start()

    await party.sign_in(page, fields=choice)

    assert await stays(party) is (rule == "always" or (rule == "choice" and choice == {"keep": "on"}))


@pytest.mark.parametrize("rule", RULES)
async def test_the_box_is_there_where_there_is_a_choice(
    systems: dict[str, System], make_party: MakeParty, rule: str
) -> None:
    party = await make_party(at=systems[rule])

    page = await party.start()

    boxes = [each.attributes for each in page.page.find_all("input") if each.attributes.get("type") == "checkbox"]
    assert ["checked" in each for each in boxes] == ([False] if rule == "choice" else [])


@pytest.mark.parametrize("keep", [True, False])
async def test_the_box_stays_ticked_when_the_password_was_wrong(
    systems: dict[str, System], make_party: MakeParty, keep: bool
) -> None:
    party = await make_party(at=systems["choice"])
    fields = {"keep": "on"} if keep else {}

    page = await party.browser.submit(await party.start(), username="ada", password="wrong", **fields)

    assert ("checked" in box_of(page)) is keep


@pytest.mark.parametrize("keep", [True, False])
async def test_the_cookie_lives_as_long_as_the_session(
    systems: dict[str, System], make_party: MakeParty, clock: MovableClock, keep: bool
) -> None:
    party = await make_party(at=systems["choice"])
    page = await party.start()

    answer = await party.browser.submit(
        page, username=known(party).username, password=known(party).password, **({"keep": "on"} if keep else {})
    )

    cookies = [each for each in answer.headers.getall("Set-Cookie") if each.startswith("vk_session")]
    ages = {part for cookie in cookies for part in cookie.split("; ") if part.startswith("Max-Age")}
    assert cookies
    assert ages == ({f"Max-Age={2 * DAY}"} if keep else set())
    await party.browser.follow(answer, within=party.issuer)
    clock.advance(hours=2)
    assert await is_signed_in(party) is keep


@pytest.mark.requirement("a choice at the login holds through the second factor, whatever its page is sent")
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("enrolled", [True, False])
async def test_it_holds_through_a_second_factor_and_its_enrolment(
    systems: dict[str, System], make_second: MakeSecond, enrolled: bool, keep: bool
) -> None:
    second = await make_second(at=systems["choice"], enrolled=enrolled, required_acr=ACR_MFA)
    page = await second.party.sign_in(await second.party.start(), fields={"keep": "on"} if keep else {})
    # It was said at the first step, and a later one says nothing of it.
    said_later = {} if keep else {"keep": "on"}

    if enrolled:
        await second.answer(page, second.next_code(), **said_later)
    else:
        await second.set_up(page)

    assert await stays(second.party) is keep


@pytest.mark.parametrize("keep", [True, False])
async def test_a_step_up_leaves_it_as_it_is(systems: dict[str, System], make_second: MakeSecond, keep: bool) -> None:
    second = await make_second(at=systems["choice"], enrolled=True)
    await to_session(second, keep=keep)

    page = await second.party.start(acr_values=ACR_MFA, prompt="login")
    assert ("checked" in box_of(page)) is keep
    await second.answer(await second.party.sign_in(page), second.next_code())

    assert await stays(second.party) is keep


@pytest.mark.parametrize("keep", [True, False])
async def test_a_passkey_signs_in_alike(
    systems: dict[str, System], make_passkey_party: MakePasskeyParty, keep: bool
) -> None:
    one = await make_passkey_party(at=systems["passkeys"])
    page = await one.party.start()

    await one.send(page, one.answer(page) | {"keep": "on" if keep else ""})

    assert await stays(one.party) is keep


@pytest.mark.parametrize("keep", [True, False])
async def test_what_is_set_up_and_changed_on_the_account_page_leaves_it_as_it_is(
    systems: dict[str, System], make_second: MakeSecond, keep: bool
) -> None:
    second = await make_second(at=systems["choice"])
    await to_session(second, keep=keep)

    await second.set_up(await second.go("/account/totp"))
    form = await second.go("/account/password")
    assert heading(form) == "Choose a new password", form.text
    await second.party.browser.submit(form, password=NEW, again=NEW)

    assert await stays(second.party) is keep


async def test_another_login_in_the_same_browser_chooses_anew(
    systems: dict[str, System], make_party: MakeParty
) -> None:
    party = await make_party(at=systems["choice"])
    await party.sign_in(await party.start(), fields={"keep": "on"})
    page = await party.start(prompt="login")
    assert "checked" in box_of(page)

    form = form_of(page)
    filled = form.filled({"username": known(party).username, "password": known(party).password})
    # A browser sends no box that is not ticked.
    await party.browser.post(form.action, [(name, value) for name, value in filled if name != "keep"])

    assert not await stays(party)


@pytest.mark.parametrize("rule", RULES)
async def test_signing_out_forgets_a_session_that_is_kept(
    systems: dict[str, System], make_party: MakeParty, rule: str
) -> None:
    party = await make_party(at=systems[rule])
    await party.sign_in(await party.start(), fields={"keep": "on"})
    page = await party.browser.get(f"{party.issuer}/logout")

    await party.browser.submit(page, action="logout")

    assert "vk_session" not in party.browser.cookies
    assert not await is_signed_in(party)
