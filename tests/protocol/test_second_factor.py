"""Second factors: setting one up where it is demanded, being asked for it, and what tokens say of it."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from support.administration import CALLBACK
from support.eventually import eventually
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.second_factor import ASK, CODES, ENROL, MakeSecond, SecondFactorParty
from support.system import System
from support.systems import MakeParty
from support.tokens import claims_of

PASSWORD, MFA, PHR = "urn:valetkey:acr:password", "urn:valetkey:acr:mfa", "phr"


async def tokens_of(second: SecondFactorParty, **changes: str | None) -> dict[str, Any]:
    """The claims of the ID token and of the access token after whatever has to be proven."""
    verifier = secrets.token_urlsafe(48)
    page = await second.to_second_factor(verifier, **changes)
    if not page.is_redirect and heading(page) == ENROL:
        page = await second.set_up(page)
    if not page.is_redirect and "second-factor" in page.url:
        page = await second.answer(page, second.next_code())
    reply = await second.party.redeem(await second.finish(page, verifier))
    assert reply.status == 200, reply.body
    return {"id": claims_of(reply.body["id_token"]), "access": claims_of(reply.access_token)}


@pytest.mark.requirement("required_acr: who lacks the second factor sets it up on the way, and tokens say so")
async def test_a_demanded_factor_is_set_up_on_the_way(make_second: MakeSecond) -> None:
    second = await make_second(required_acr=MFA)

    tokens = await tokens_of(second)

    for claims in tokens.values():
        assert claims["acr"] == MFA
        assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert len(set(second.recovery_codes)) == 10


@pytest.mark.requirement("second factor: who has set one up is asked for it at every login")
async def test_who_has_a_second_factor_is_asked_for_it(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True)

    tokens = await tokens_of(second)

    assert tokens["id"]["acr"] == MFA


async def test_a_session_that_proves_enough_is_not_asked_again(make_second: MakeSecond) -> None:
    second = await make_second(required_acr=MFA)
    first = await tokens_of(second)

    answer = await second.party.walk(await second.party.start(prompt="none"))

    assert response_of(answer, CALLBACK).error in (None, "consent_required")
    again = await tokens_of(second)
    assert again["id"]["auth_time"] == first["id"]["auth_time"]


@pytest.mark.requirement("auth_time: that of the oldest proof which the level rests on")
async def test_auth_time_is_that_of_the_password(make_second: MakeSecond, clock: MovableClock) -> None:
    second = await make_second(enrolled=True)
    verifier, before = secrets.token_urlsafe(48), clock()
    page = await second.party.sign_in(await second.party.start(verifier))
    between = clock() + timedelta(seconds=1)
    clock.advance(seconds=90)
    page = await second.answer(page, second.next_code())

    reply = await second.party.redeem(await second.finish(page, verifier))

    assert int(before.timestamp()) <= claims_of(reply.body["id_token"])["auth_time"] <= between.timestamp()


@pytest.mark.requirement("RFC 9470: a session steps up where acr_values ask for more than it has proven")
@pytest.mark.parametrize("how", ["acr_values", "voluntary claim", "essential claim"])
async def test_a_session_steps_up(make_second: MakeSecond, how: str) -> None:
    second = await make_second(required_acr=None)
    assert (await tokens_of(second))["id"]["acr"] == PASSWORD
    demands: dict[str, dict[str, str | None]] = {
        "acr_values": {"acr_values": MFA},
        "voluntary claim": {"claims": f'{{"id_token": {{"acr": {{"values": ["{MFA}"]}}}}}}'},
        "essential claim": {"claims": f'{{"id_token": {{"acr": {{"essential": true, "value": "{MFA}"}}}}}}'},
    }
    demand = demands[how]
    # Nothing that could reach it is set up: what is voluntary is left out, what is essential is set up.
    first = await tokens_of(second, **demand)
    assert first["id"]["acr"] == (MFA if how == "essential claim" else PASSWORD)

    await tokens_of(second, claims=f'{{"id_token": {{"acr": {{"essential": true, "value": "{MFA}"}}}}}}')
    assert (await tokens_of(second, **demand))["access"]["acr"] == MFA


@pytest.mark.requirement("RFC 9470: after a step-up the session goes on, and its other proofs with it")
async def test_a_step_up_asks_for_the_second_factor_alone(make_second: MakeSecond, make_party: MakeParty) -> None:
    second = await make_second()
    await tokens_of(second)
    demand = {"claims": f'{{"id_token": {{"acr": {{"essential": true, "value": "{MFA}"}}}}}}'}

    page = await second.party.start(**demand)

    assert heading(page) == ENROL
    assert response_of(await second.party.walk(await second.set_up(page)), CALLBACK).code


async def test_what_is_voluntary_does_not_stop_prompt_none(make_second: MakeSecond) -> None:
    second = await make_second()
    await tokens_of(second)

    answer = await second.party.start(prompt="none", acr_values=MFA)

    assert response_of(answer, CALLBACK).error is None


@pytest.mark.requirement("OIDC Core §3.1.2.6: prompt=none is told that more has to be proven")
async def test_prompt_none_is_told_that_a_second_factor_is_due(make_second: MakeSecond, ageing_system: System) -> None:
    second = await make_second()
    await tokens_of(second)
    await ageing_system.administration.change_client(second.party.client, required_acr=MFA)

    async def refused() -> bool:
        answer = await second.party.start(prompt="none")
        return response_of(answer, CALLBACK).error == "login_required"

    await eventually(refused)


@pytest.mark.requirement("max_age and prompt=login count per factor")
@pytest.mark.parametrize("again", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}], ids=str)
async def test_every_factor_has_to_be_young_enough(
    make_second: MakeSecond, clock: MovableClock, again: dict[str, str | None]
) -> None:
    second = await make_second(required_acr=MFA)
    first = await tokens_of(second)
    clock.advance(seconds=120)

    page = await second.party.sign_in(await second.party.start(**again))

    assert "second-factor" in page.url
    tokens = await tokens_of(second, **again)
    assert tokens["id"]["auth_time"] >= first["id"]["auth_time"] + 120
    assert tokens["id"]["acr"] == MFA


@pytest.mark.requirement("max_age counts per factor: only the one that is too old is asked for")
async def test_a_password_that_is_young_enough_is_not_asked_for_again(
    make_second: MakeSecond, clock: MovableClock
) -> None:
    second = await make_second(enrolled=True, required_acr=MFA)
    await tokens_of(second)
    clock.advance(seconds=300)
    # Another client has the password alone proven again.
    await second.party.sign_in(await second.party.start(prompt="login"))

    page = await second.party.start(max_age="200")

    assert heading(page) == ASK


@pytest.mark.requirement("recovery codes: each signs in once in place of the second factor")
async def test_a_recovery_code_takes_the_place_of_the_app_once(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True)
    code = second.recovery_codes[3]
    page = await second.to_second_factor()
    other = next(link for link in page.page.find_all("a") if "recovery_code" in link.attributes["href"])
    page = await second.go(other.attributes["href"])

    done = await second.party.walk(await second.answer(page, code.lower()))

    assert response_of(done, CALLBACK).code
    page = await second.to_second_factor(prompt="login")
    again = await second.party.browser.submit(page, method="recovery_code", code=code)
    assert again.status == 403
    assert "not right, or it was used before" in again.text


@pytest.mark.requirement("TOTP: a code counts once")
async def test_a_code_counts_once(make_second: MakeSecond) -> None:
    second = await make_second(enrolled=True)
    code = second.next_code()
    first = await second.answer(await second.to_second_factor(), code)
    assert response_of(await second.party.walk(first), CALLBACK).code

    again = await second.party.browser.submit(await second.to_second_factor(prompt="login"), code=code)

    assert (again.status, heading(again)) == (403, ASK)
    assert "used before" in again.text


@pytest.mark.parametrize("code", ["", "000000", "abcdef", "1" * 5000, "١٢٣٤٥٦"])
async def test_a_wrong_code_is_refused_in_words(make_second: MakeSecond, code: str) -> None:
    second = await make_second(enrolled=True)

    answer = await second.party.browser.submit(await second.to_second_factor(), code=code)

    assert (answer.status, heading(answer)) == (403, ASK)
    assert answer.page.get("h1") is not None
    assert "vk_session" not in second.party.browser.cookies


async def test_a_wrong_code_of_an_enrolment_shows_the_same_secret_again(make_second: MakeSecond) -> None:
    second = await make_second(required_acr=MFA)
    page = await second.to_second_factor()

    again = await second.party.browser.submit(page, code="000000")

    assert (again.status, heading(again)) == (403, ENROL)
    assert again.page.get("code").text == page.page.get("code").text
    assert response_of(await second.party.walk(await second.set_up(again)), CALLBACK).code


async def test_a_secret_waits_a_quarter_of_an_hour(make_second: MakeSecond, clock: MovableClock) -> None:
    second = await make_second(required_acr=MFA)
    page = await second.to_second_factor()
    clock.advance(minutes=9)
    page = await second.party.browser.submit(page, code="000000")
    assert heading(page) == ENROL
    clock.advance(minutes=7)

    late = await second.party.browser.submit(page, code="000000")

    # The password was typed too long ago to set up a method with it.
    assert heading(await second.go(late.location)) == "Sign in"


@pytest.mark.requirement("required_acr of groups: the strongest of all the groups that a user is in")
async def test_a_group_demands_a_second_factor_of_its_members(make_second: MakeSecond, ageing_system: System) -> None:
    second = await make_second()
    administration = ageing_system.administration
    (outer,) = await administration.create_groups("guarded")
    (inner,) = await administration.create_groups("inner", within=outer)
    await administration.demand_of_group(outer, MFA)
    assert second.party.person is not None
    await administration.put_into(inner, second.party.person)

    async def demanded() -> bool:
        return heading(await second.to_second_factor(prompt="login")) == ENROL

    await eventually(demanded)


@pytest.mark.requirement("required_acr: what cannot be set up here is refused at the client, never answered with less")
async def test_without_keys_no_app_can_be_set_up(make_party: MakeParty, start_system: Callable[..., System]) -> None:
    system = await asyncio.to_thread(start_system, changes={"credential_keys": ""})
    client = await system.administration.create_web_client(required_acr=MFA)
    party = await make_party(client, at=system)

    answer = await party.sign_in(await party.start())

    assert response_of(answer, CALLBACK).error == "unmet_authentication_requirements"


async def test_the_codes_are_shown_once_and_the_page_leads_on(make_second: MakeSecond) -> None:
    second = await make_second(required_acr=MFA)
    page = await second.to_second_factor()
    app = await second.set_up(page)
    assert app.is_redirect or heading(app) != CODES
    assert len(second.recovery_codes) == 10
