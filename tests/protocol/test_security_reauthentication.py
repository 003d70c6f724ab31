"""Security 42: prompt=login, max_age and acr are met by a login in this very request, not by an old one or by Back."""

import json
import time

import pytest

from support.administration import CALLBACK
from support.browser import query_of
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from support.tokens import claims_of

LOGIN, CONFIRM = "Sign in", "Confirm that it is you"
ACR = "urn:valetkey:acr:password"
AGAIN = {"prompt=login": {"prompt": "login"}, "max_age=0": {"max_age": "0"}}
AGE = 100


async def is_answered(party: RelyingParty, **changes: str | None) -> bool:
    answer = await party.start(**changes)
    return answer.is_redirect and response_of(answer, CALLBACK).error is None


@pytest.mark.requirement("security 42: a login before the request does not satisfy it")
@pytest.mark.parametrize("again", AGAIN)
async def test_a_fresh_login_is_not_fresh_enough(party: RelyingParty, again: str) -> None:
    await party.authorize()

    page = await party.start(**AGAIN[again])

    assert heading(page) == CONFIRM


@pytest.mark.requirement("security 42: max_age=0 is never met without a page")
async def test_a_login_of_this_moment_is_too_old_for_max_age_zero(party: RelyingParty) -> None:
    await party.authorize()

    response = response_of(await party.start(prompt="none", max_age="0"), CALLBACK)

    assert response.error == "login_required"


@pytest.mark.requirement("security 42: going past the login page leads back to it")
@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("endpoint", ["/consent", "/select-account"])
async def test_the_login_cannot_be_skipped(party: RelyingParty, again: str, endpoint: str) -> None:
    await party.authorize()
    page = await party.start(**AGAIN[again], scope="openid profile")
    fields = [("interaction", query_of(page.url)["interaction"]), ("action", "allow")]

    opened = await party.browser.get(page.url.replace("/login", endpoint))
    posted = await party.browser.post(f"{party.issuer}{endpoint}", fields)

    assert opened.location == posted.location == page.url


@pytest.mark.requirement("security 42: a login in another tab does not satisfy this one")
@pytest.mark.parametrize("again", AGAIN)
async def test_each_request_asks_for_a_login_of_its_own(party: RelyingParty, again: str) -> None:
    await party.authorize()
    first, second = await party.start(**AGAIN[again]), await party.start(**AGAIN[again])

    done = await party.sign_in(second)
    still = await party.browser.get(first.url)

    assert response_of(done, CALLBACK).code
    assert (still.status, heading(still)) == (200, CONFIRM)
    assert response_of(await party.sign_in(still), CALLBACK).code


@pytest.mark.requirement("security 42: Back after the login does not repeat it for the next request")
@pytest.mark.parametrize("again", AGAIN)
async def test_going_back_proves_nothing(party: RelyingParty, again: str) -> None:
    await party.authorize()
    page = await party.start(**AGAIN[again])
    await party.sign_in(page)

    back = await party.browser.get(page.url)
    request = await party.start(**AGAIN[again])

    assert back.status == 410
    assert heading(request) == CONFIRM


@pytest.mark.requirement("security 42: a login as another user in another tab does not carry over")
async def test_the_login_of_another_tab_ends_the_one_of_this(make_party: MakeParty) -> None:
    party = await make_party()
    other = (await make_party()).person
    consent = await party.sign_in(await party.start(prompt="login consent"))
    await party.sign_in(await party.start(prompt="login"), other)

    answer = await party.browser.get(consent.url)

    assert "/login?" in answer.location


@pytest.mark.requirement("security 42: after the login the ID token says when it was")
@pytest.mark.parametrize("again", AGAIN)
async def test_the_id_token_tells_of_the_new_login(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, again: str
) -> None:
    party = await make_party(at=ageing_system)
    first = claims_of((await party.log_in()).body["id_token"])
    clock.advance(seconds=AGE)

    second = claims_of((await party.log_in(**AGAIN[again])).body["id_token"])

    assert second["auth_time"] >= first["auth_time"] + AGE
    assert second["auth_time"] <= second["iat"]
    assert (second["acr"], second["amr"]) == (ACR, ["pwd"])


@pytest.mark.requirement("OIDC Core §3.1.2.1: max_age is the most seconds since the login")
@pytest.mark.parametrize(
    ("default", "asked", "is_fresh"),
    [
        (None, None, True),
        (None, str(AGE * 2), True),
        (None, str(AGE - 10), False),
        (None, "1", False),
        (None, "0", False),
        (None, "00", False),
        (None, "315360000", True),
        (AGE - 10, None, False),
        (AGE * 2, None, True),
        (0, None, False),
        (0, str(AGE * 2), True),
        (AGE * 2, "0", False),
    ],
)
async def test_a_login_older_than_max_age_is_not_accepted(
    make_party: MakeParty,
    ageing_system: System,
    clock: MovableClock,
    default: int | None,
    asked: str | None,
    is_fresh: bool,
) -> None:
    client = await ageing_system.administration.create_web_client(default_max_age=default)
    party = await make_party(client, at=ageing_system)
    await party.authorize()
    clock.advance(seconds=AGE)

    page = await party.start(max_age=asked)
    silent = response_of(await party.start(max_age=asked, prompt="none"), CALLBACK)

    assert silent.error == (None if is_fresh else "login_required")
    if is_fresh:
        assert response_of(page, CALLBACK).code
    else:
        assert heading(page) == CONFIRM
        assert response_of(await party.sign_in(page), CALLBACK).code
        assert await is_answered(party, max_age=str(AGE - 10))


@pytest.mark.requirement("OIDC Core §2: auth_time is there where max_age was asked for")
@pytest.mark.parametrize("name", ["nothing", "max_age", "claims"])
async def test_auth_time_is_when_the_user_signed_in(party: RelyingParty, name: str) -> None:
    value = {"max_age": "600", "claims": '{"id_token":{"auth_time":{"essential":true}}}'}.get(name)
    changes = {} if value is None else {name: value}
    begun = int(time.time())

    claims = claims_of((await party.log_in(**changes)).body["id_token"])

    assert begun <= claims["auth_time"] <= int(time.time())


@pytest.mark.requirement("security 42: an acr that cannot be reached is refused, not answered with less")
@pytest.mark.parametrize(
    ("acr", "error"),
    [
        ({"essential": True, "value": "urn:mfa"}, "unmet_authentication_requirements"),
        ({"essential": True, "values": ["urn:mfa", "urn:other"]}, "unmet_authentication_requirements"),
        ({"essential": True, "value": ACR}, None),
        ({"essential": True, "values": ["urn:mfa", ACR]}, None),
        ({"essential": True}, None),
        ({"essential": False, "value": "urn:mfa"}, None),
        ({"value": "urn:mfa"}, None),
        (None, None),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("prompt", [None, "none", "login"])
async def test_an_essential_acr_is_met_or_refused(
    party: RelyingParty, acr: object, error: str | None, prompt: str | None
) -> None:
    tokens = await party.log_in()
    claims = json.dumps({"id_token": {"acr": acr}})

    answer = await party.walk(await party.start(claims=claims, prompt=prompt))

    assert response_of(answer, CALLBACK).error == error
    assert claims_of(tokens.body["id_token"])["acr"] == ACR


@pytest.mark.requirement("OIDC Core §3.1.2.1: acr_values are a wish")
@pytest.mark.parametrize("values", [ACR, "urn:mfa", f"urn:mfa {ACR}", "0", "é", "a" * 3000])
async def test_acr_values_never_stop_a_login(party: RelyingParty, values: str) -> None:
    tokens = await party.log_in(acr_values=values)

    assert claims_of(tokens.body["id_token"])["acr"] == ACR
