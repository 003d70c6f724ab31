"""Security 11: a step acts on what the server stored, once, in the browser that began, while the request lives."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from support.administration import CALLBACK
from support.browser import Answer, form_of
from support.front_channel import heading, require_shown, response_of
from support.relying_party import RelyingParty
from support.steps import STEPS, filled, reach
from support.system import System
from support.systems import MakeParty
from valetkey.storage.redis.kept.keyspace import interaction_key

GONE = "This sign-in has expired"
ENDPOINTS = {"login": "/login", "select_account": "/select-account", "consent": "/consent"}
SMUGGLED = {
    "client_id": "unknown",
    "redirect_uri": "https://evil.example/",
    "response_type": "token",
    "response_mode": "form_post",
    "scope": "openid api:write",
    "state": "theirs",
    "nonce": "theirs",
    "code_challenge": "A" * 43,
    "code_challenge_method": "plain",
    "resource": "https://other.example/",
    "prompt": "none",
    "max_age": "0",
    "claims": '{"id_token":{"sub":{"value":"x"}}}',
    "sub": "x",
    "subject": "x",
    "session": "x",
    "approved": "true",
}


@pytest.fixture
async def redis(system: System) -> AsyncIterator[Redis]:
    async with Redis.from_url(system.redis_url) as client:
        yield client


def key_of(page: Answer) -> str:
    return interaction_key(dict(form_of(page).fields)["interaction"])


async def finish(party: RelyingParty, page: Answer) -> str:
    return response_of(await party.walk(page), CALLBACK).code


@pytest.mark.requirement("security 11: resent parameters count for nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_what_is_sent_along_with_a_step_is_ignored(party: RelyingParty, step: str) -> None:
    verifier = "v" * 43
    await party.authorize(scope="openid")
    pairs = party.request_params(verifier, prompt=step, state="mine", nonce="mine")
    page = await party.browser.follow(await party.browser.get(f"{party.issuer}/authorize", pairs), within=party.issuer)

    form = [*filled(party, page, step), *SMUGGLED.items()]
    query = "&".join(SMUGGLED)
    answer = await party.browser.post(f"{form_of(page).action}?{query}", form)

    response = response_of(await party.walk(await party.browser.follow(answer, within=party.issuer)), CALLBACK)
    assert (response.response_mode, response.params["state"]) == ("query", "mine")
    tokens = await party.token("authorization_code", code=response.code, code_verifier=verifier, redirect_uri=CALLBACK)
    assert tokens.body["scope"] == "openid"


@pytest.mark.requirement("security 11: resent parameters in the address of a page count for nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_what_is_added_to_the_address_of_a_page_is_ignored(party: RelyingParty, step: str) -> None:
    page = await reach(party, step, state="mine")

    again = await party.browser.get(f"{page.url}&{'&'.join(f'{name}=x' for name in SMUGGLED)}")

    assert heading(again) == heading(page)
    assert response_of(await party.walk(again), CALLBACK).params["state"] == "mine"


@pytest.mark.requirement("security 11: replayed steps get nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_no_step_of_an_answered_request_can_be_repeated(party: RelyingParty, step: str) -> None:
    page = await reach(party, step)
    form = filled(party, page, step)
    await finish(party, page)

    for endpoint in ENDPOINTS.values():
        interaction = dict(form_of(page).fields)["interaction"]
        shown = await party.browser.get(f"{party.issuer}{endpoint}", [("interaction", interaction)])
        posted = await party.browser.post(f"{party.issuer}{endpoint}", form)

        assert require_shown(shown, 410) == require_shown(posted, 410) == GONE


@pytest.mark.requirement("security 11: cancelled and denied requests are over")
@pytest.mark.parametrize(("step", "action"), [("login", "cancel"), ("consent", "deny")])
async def test_no_step_of_a_refused_request_can_be_repeated(party: RelyingParty, step: str, action: str) -> None:
    page = await reach(party, step)
    form = filled(party, page, step)
    await party.browser.submit(page, action=action)

    shown = await party.browser.get(page.url)
    posted = await party.browser.post(form_of(page).action, form)

    assert require_shown(shown, 410) == require_shown(posted, 410) == GONE


@pytest.mark.requirement("security 11: one answer to a form that is sent many times at once")
@pytest.mark.parametrize("actions", [("allow",), ("allow", "deny")], ids=["allow", "allow and deny"])
async def test_one_request_is_answered_once_however_often_it_is_sent(
    party: RelyingParty, actions: tuple[str, ...]
) -> None:
    page = await reach(party, "consent")
    forms = [filled(party, page, "consent", action=actions[n % len(actions)]) for n in range(8)]

    answers = await asyncio.gather(*(party.browser.post(form_of(page).action, form) for form in forms))

    redirected = [answer for answer in answers if answer.is_redirect]
    assert len(redirected) == 1
    assert all(require_shown(answer, 410) == GONE for answer in answers if not answer.is_redirect)
    assert response_of(redirected[0], CALLBACK).params["iss"] == party.issuer


@pytest.mark.requirement("security 11: another browser gets nothing, whatever it knows")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("knows", ["address", "address and session", "address and device"])
async def test_another_browser_gets_nothing(make_party: MakeParty, step: str, knows: str) -> None:
    party = await make_party()
    thief = await make_party(party.client, party.person)
    page = await reach(party, step)
    await thief.start()
    if knows != "address":
        name = "vk_session" if knows == "address and session" else "vk_device"
        thief.browser.cookies[name] = party.browser.cookies.get(name, "A" * 43)

    shown = await thief.browser.get(page.url)
    posted = await thief.browser.post(form_of(page).action, filled(party, page, step))

    assert require_shown(shown, 410) == require_shown(posted, 410) == GONE
    assert await finish(party, await party.browser.get(page.url))


@pytest.mark.requirement("security 11: two requests in one browser are two requests")
async def test_two_tabs_get_their_own_answers(party: RelyingParty) -> None:
    first, second = await party.start(state="first"), await party.start(state="second")

    one = response_of(await party.walk(second), CALLBACK)
    other = response_of(await party.walk(await party.browser.get(first.url)), CALLBACK)

    assert (one.params["state"], other.params["state"]) == ("second", "first")
    assert one.code != other.code


@pytest.mark.requirement("security 11: steps after expiry get nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_an_expired_request_gets_nothing(party: RelyingParty, redis: Redis, step: str) -> None:
    page = await reach(party, step)
    form = filled(party, page, step)
    assert await redis.pexpire(key_of(page), 1)
    await asyncio.sleep(0.01)

    shown = await party.browser.get(page.url)
    posted = await party.browser.post(form_of(page).action, form)

    assert require_shown(shown, 410) == require_shown(posted, 410) == GONE


@pytest.mark.requirement("security 11: a step does not prolong the life of a request")
async def test_a_request_lives_no_longer_because_its_user_is_active(
    party: RelyingParty, redis: Redis, system: System
) -> None:
    page = await party.start(prompt="select_account")
    lifetimes = [await redis.pttl(key_of(page))]

    await party.sign_in(page)
    lifetimes.append(await redis.pttl(key_of(page)))
    await party.browser.get(page.url)
    lifetimes.append(await redis.pttl(key_of(page)))

    assert lifetimes == sorted(lifetimes, reverse=True)
    assert 0 < lifetimes[-1] <= lifetimes[0] <= system.settings.login_lifetime * 1000


@pytest.mark.requirement("security 11: an empty, repeated or malformed interaction gets nothing")
@pytest.mark.parametrize("endpoint", ENDPOINTS.values())
async def test_a_malformed_interaction_gets_nothing(party: RelyingParty, endpoint: str) -> None:
    page = await party.start()
    interaction = dict(form_of(page).fields)["interaction"]
    url = f"{party.issuer}{endpoint}"

    for value in (
        interaction[:-1],
        f"{interaction}A",
        interaction.swapcase(),
        f"{interaction}%0a",
        f"%20{interaction}",
    ):
        answer = await party.browser.get(f"{url}?interaction={value}")

        assert require_shown(answer, 410) == GONE
    for query in ("", "?interaction=", f"?Interaction={interaction}", f"?a={interaction}"):
        answer = await party.browser.get(f"{url}{query}")

        assert require_shown(answer) == "No application is waiting"
    repeated = await party.browser.get(f"{url}?interaction={interaction}&interaction={interaction}")
    assert require_shown(repeated) == "This request did not work"


@pytest.mark.requirement("security 11: a signed-in browser still goes through the steps of its own request only")
async def test_opening_the_login_page_when_nothing_is_due_goes_on(party: RelyingParty) -> None:
    login = await party.start()
    consent = await party.sign_in(login)

    back = await party.browser.get(login.url)

    assert back.location == consent.url
    assert await finish(party, consent)
