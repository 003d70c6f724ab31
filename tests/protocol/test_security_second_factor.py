"""No way past a second factor: no step, no form and no tab, while it is due; and how often it may be guessed."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from support.administration import CALLBACK
from support.browser import Answer, Browser, query_of
from support.client_address import new_address
from support.eventually import eventually
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.second_factor import ASK, ENROL, MakeSecond, SecondFactorParty
from support.system import System
from support.systems import StartSystem
from valetkey.core.authentication.acr import ACR_MFA
from valetkey.core.client.client import ConsentPolicy
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.redis.limits.login_attempts import LoginAttempts

DUE = ["asked", "to be set up", "step-up", "step-up to be set up"]
PER_ACCOUNT = 4
ESSENTIAL = f'{{"id_token": {{"acr": {{"essential": true, "value": "{ACR_MFA}"}}}}}}'
each_state = pytest.mark.parametrize("state", DUE)


async def due(make_second: MakeSecond, state: str) -> tuple[SecondFactorParty, Answer]:
    """A user at the page of a second factor: in the middle of a login, or with a session that has to prove more."""
    second = await make_second(enrolled=state == "asked", consent=ConsentPolicy.TRUSTED)
    if state.startswith("step-up"):
        await second.party.authorize()
    if state == "step-up":
        elsewhere = await make_second(second.party.person, required_acr=ACR_MFA)
        await elsewhere.set_up(await elsewhere.to_second_factor())
        second.app = elsewhere.app
    page = await second.to_second_factor(claims=ESSENTIAL)
    assert heading(page) == (ENROL if "set up" in state else ASK), page.url
    return second, page


async def is_still_due(second: SecondFactorParty, page: Answer) -> bool:
    """Whether the login stands where it stood."""
    return heading(await second.party.browser.get(page.url)) == heading(page)


# What a person, or an attacker who knows the password, may try instead of proving what is due.
DETOURS = {
    "consent page": ("GET", "/consent", {}),
    "consent": ("POST", "/consent", {"action": "allow"}),
    "account page": ("GET", "/select-account", {}),
    "account": ("POST", "/select-account", {"action": "continue"}),
    "login page": ("GET", "/login", {}),
    "nothing": ("POST", "/second-factor", {}),
    "no code": ("POST", "/second-factor", {"method": "totp"}),
    "a password": ("POST", "/second-factor", {"method": "password", "code": "correct horse battery staple"}),
    "a method of nobody": ("POST", "/second-factor", {"method": "retina", "code": "1"}),
    "a recovery code of nobody": ("POST", "/second-factor", {"method": "recovery_code", "code": "00000-00000"}),
    "nothing to set up": ("POST", "/enrol", {}),
    "no secret": ("POST", "/enrol", {"method": "totp", "code": "123456"}),
    "a secret of nobody": ("POST", "/enrol", {"method": "totp", "enrolment": "AAAA", "code": "123456"}),
    "recovery codes alone": ("POST", "/enrol", {"method": "recovery_code", "code": "123456"}),
}


@pytest.mark.requirement("second factor: no step leads past it, in whichever state")
@pytest.mark.parametrize("detour", DETOURS)
@pytest.mark.parametrize("token", ["token of the page", "no token"])
@each_state
async def test_no_detour_leads_past_it(make_second: MakeSecond, state: str, detour: str, token: str) -> None:
    second, page = await due(make_second, state)
    method, path, fields = DETOURS[detour]
    query, browser = query_of(page.url), second.party.browser
    session = browser.cookies.get("vk_session")
    (shown,) = (each for each in page.page.find_all("input") if each.attributes.get("name") == "csrf_token")
    pairs = [("interaction", query["interaction"]), *fields.items()]
    if token == "token of the page":
        pairs.append(("csrf_token", shown.attributes["value"]))

    if method == "GET":
        answer = await browser.get(f"{second.party.issuer}{path}", [("interaction", query["interaction"])])
    else:
        answer = await browser.post(f"{second.party.issuer}{path}", pairs)

    if answer.is_redirect:
        assert urlsplit(answer.location).path == urlsplit(page.url).path
    else:
        assert answer.status in (400, 403), answer.text
    assert browser.cookies.get("vk_session") == session
    assert await is_still_due(second, page)


@pytest.mark.requirement("second factor: before it there is no session that another tab or client could use")
@pytest.mark.parametrize("state", ["asked", "to be set up"])
async def test_another_tab_has_no_session(make_second: MakeSecond, state: str) -> None:
    second, page = await due(make_second, state)

    silent = await second.party.start(prompt="none")

    assert response_of(silent, CALLBACK).error == "login_required"
    assert heading(await second.party.start()) == "Sign in"
    assert await is_still_due(second, page)


@pytest.mark.requirement("second factor: remembered consent and a trusted client change nothing")
@each_state
async def test_a_session_of_a_password_alone_is_not_enough(make_second: MakeSecond, state: str) -> None:
    second, _ = await due(make_second, state)

    silent = await second.party.start(prompt="none", claims=ESSENTIAL)

    assert response_of(silent, CALLBACK).error == "login_required"


@pytest.mark.requirement("second factor: what was proven belongs to the browser that proved it")
@each_state
async def test_another_browser_cannot_go_on(make_second: MakeSecond, state: str) -> None:
    _, page = await due(make_second, state)
    thief = Browser()
    try:
        answer = await thief.get(page.url)
        assert answer.status == 400
    finally:
        await thief.close()


@pytest.mark.requirement("second factor: each user proves both; another one begins anew")
async def test_the_proofs_of_two_users_do_not_add_up(make_second: MakeSecond) -> None:
    second, page = await due(make_second, "asked")
    other = await make_second(enrolled=True, consent=ConsentPolicy.TRUSTED)
    left = await second.party.browser.submit(page, action="another")
    login = await second.party.browser.follow(left, within=second.party.issuer)

    asked = await second.party.sign_in(login, other.party.person)

    assert heading(asked) == ASK
    refused = await second.party.browser.submit(asked, code=second.next_code())
    assert refused.status == 403
    # The page of the first user speaks of another one.
    stale = await second.party.browser.submit(page, code=second.next_code())
    assert stale.status == 403
    assert "vk_session" not in second.party.browser.cookies
    other.clock.advance(seconds=30)
    done = await second.party.browser.submit(asked, code=other.next_code())
    assert "vk_session" in second.party.browser.cookies
    assert done.is_redirect


@pytest.mark.requirement("security 21: what ends a user ends a login that is not finished")
@pytest.mark.parametrize("how", ["password", "disabled", "disabled for a while", "everything", "deleted"])
@pytest.mark.parametrize("state", ["asked", "to be set up"])
async def test_an_ending_between_the_factors(
    make_second: MakeSecond, ageing_system: System, state: str, how: str
) -> None:
    second, page = await due(make_second, state)
    administration, person = ageing_system.administration, second.party.person
    assert person is not None
    if how == "password":
        await administration.set_password(person, "another password of theirs")
    elif how == "everything":
        await administration.end_everything()
    elif how == "deleted":
        await administration.delete_user(person)
    else:
        await administration.disable_user(person)
        if how != "disabled":
            await administration.enable_user(person)

    if state == "asked":
        answer = await second.party.browser.submit(page, code=second.next_code())
    else:
        answer = await second.party.browser.submit(page, code="123456")

    assert not (answer.is_redirect and answer.location.startswith(CALLBACK))
    assert "vk_session" not in second.party.browser.cookies
    again = await second.party.browser.follow(await second.party.browser.get(page.url), within=second.party.issuer)
    assert heading(again) in ("Sign in", "This sign-in has expired")


@pytest.mark.requirement("required_acr: a policy that changes in mid-flow is asked for before the answer")
async def test_a_demand_that_comes_in_mid_flow(make_second: MakeSecond, ageing_system: System) -> None:
    second = await make_second()
    consent = await second.party.sign_in(await second.party.start())
    assert heading(consent).endswith("access to your account")
    await ageing_system.administration.change_client(second.party.client, required_acr=ACR_MFA)

    async def is_heard_of() -> bool:
        return "/enrol" in (await second.party.start()).url

    await eventually(is_heard_of)
    answer = await second.party.browser.submit(consent, action="allow")

    assert urlsplit(answer.location).path == "/enrol"


@pytest.mark.requirement("TOTP: a code counts once, across replicas and tabs")
async def test_a_code_typed_in_many_tabs_signs_in_once(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True, consent=ConsentPolicy.TRUSTED)
    browsers = [await make_second(second.party.person, consent=ConsentPolicy.TRUSTED) for _ in range(4)]
    for _ in range(6):
        pages = [await each.to_second_factor(prompt="login") for each in browsers]
        code = second.next_code()

        answers = await asyncio.gather(
            *(each.party.browser.submit(page, code=code) for each, page in zip(browsers, pages, strict=True))
        )

        done, *refused = sorted(answer.status for answer in answers)
        assert done == 303
        # Those that come too many are not even checked.
        assert {403, 429}.issuperset(refused)


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem, clock: MovableClock) -> System:
    """Two replicas with small budgets, behind a proxy that they trust."""
    return start_system(
        replicas=2,
        clock=clock,
        changes={"login_attempts_per_account": str(PER_ACCOUNT), "trusted_proxies": "127.0.0.1/32"},
    )


@pytest.fixture
async def redis(guarded: System) -> AsyncIterator[Redis]:
    async with Redis.from_url(guarded.redis_url) as client:
        yield client


def seen_at(party: RelyingParty, address: str) -> None:
    party.browser.headers["X-Forwarded-For"] = address


@pytest.mark.requirement("security 40: guesses at a second factor are counted per user, wherever they come from")
async def test_guesses_are_counted_wherever_they_come_from(make_second: MakeSecond, guarded: System) -> None:
    owner = await make_second(enrolled=True, at=guarded)
    attackers = [await make_second(owner.party.person, at=guarded) for _ in range(3)]
    for each in attackers:
        seen_at(each.party, new_address())
    pages = [await each.to_second_factor() for each in attackers]

    statuses = [
        (await each.party.browser.submit(page, code="000000")).status
        for _ in range(2)
        for each, page in zip(attackers, pages, strict=True)
    ]

    assert statuses == [403] * PER_ACCOUNT + [429] * (6 - PER_ACCOUNT)
    right = await attackers[0].party.browser.submit(pages[0], code=owner.next_code())
    assert (right.status, right.headers["Retry-After"].isdecimal()) == (429, True)
    assert "too many attempts" in right.text


@pytest.mark.requirement("security 40: a flood of guesses at a second factor does not lock its owner out")
async def test_a_browser_that_is_known_has_a_budget_of_its_own(make_second: MakeSecond, guarded: System) -> None:
    owner = await make_second(enrolled=True, at=guarded)
    await owner.answer(await owner.to_second_factor(), owner.next_code())
    attacker = await make_second(owner.party.person, at=guarded)
    page = await attacker.to_second_factor()
    for _ in range(PER_ACCOUNT + 2):
        last = await attacker.party.browser.submit(page, code="000000")
    assert last.status == 429

    answer = await owner.party.browser.submit(await owner.to_second_factor(prompt="login"), code=owner.next_code())

    assert answer.is_redirect


@pytest.mark.requirement("security 40: a right code gives back its own attempt alone")
async def test_the_owner_s_logins_do_not_refill_the_budget(make_second: MakeSecond, guarded: System) -> None:
    owner = await make_second(enrolled=True, at=guarded)
    attacker = await make_second(owner.party.person, at=guarded)
    page = await attacker.to_second_factor()
    for _ in range(PER_ACCOUNT - 1):
        assert (await attacker.party.browser.submit(page, code="000000")).status == 403
    fresh = await make_second(owner.party.person, at=guarded)
    assert (await fresh.party.browser.submit(await fresh.to_second_factor(), code=owner.next_code())).is_redirect

    assert (await attacker.party.browser.submit(page, code="000000")).status == 403
    assert (await attacker.party.browser.submit(page, code="000000")).status == 429


@pytest.mark.requirement("second factor: nothing is checked that cannot be counted")
async def test_without_redis_nothing_is_checked(
    make_second: MakeSecond, guarded: System, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await make_second(enrolled=True, at=guarded)
    page = await owner.to_second_factor()

    async def away(*_: object) -> None:
        raise TemporarilyUnavailable("redis is away", 1)

    monkeypatch.setattr(LoginAttempts, "count", away)
    refused = await owner.party.browser.submit(page, code=(code := owner.next_code()))
    monkeypatch.undo()

    assert await redis.ping()
    assert refused.status == 503
    assert (await owner.party.browser.submit(page, code=code)).is_redirect
