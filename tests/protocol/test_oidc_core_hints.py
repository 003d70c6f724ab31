"""OIDC Core §3.1.2.1: login_hint, id_token_hint and a requested sub say which user is meant; no other is accepted."""

import json
from uuid import uuid4

import pytest

from support.administration import CALLBACK
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from support.tokens import altered

LOGIN, CONFIRM = "Sign in", "Confirm that it is you"
OTHER_ACCOUNT = "The application asks for another account. Sign in with that one, or cancel."
MODES = ("query", "form_post")


def wants(subject: str) -> str:
    return json.dumps({"id_token": {"sub": {"value": subject}}})


async def id_token(party: RelyingParty) -> str:
    return str((await party.log_in()).body["id_token"])


@pytest.mark.requirement("OIDC Core §3.1.2.1: login_hint fills in the user name")
@pytest.mark.parametrize("hint", ["ada", "Ada@Example.COM", "a" * 254, "ünïcode", "+1 555 0100"])
async def test_a_login_hint_is_filled_in(party: RelyingParty, hint: str) -> None:
    page = await party.start(login_hint=hint)

    shown = page.page.get("input", name="username").attributes["value"]
    assert shown == (hint if " " not in hint else "")


@pytest.mark.requirement("OIDC Core §3.1.2.1: login_hint is a hint")
@pytest.mark.parametrize("hint", ["another user", "unknown@example.com", "a" * 5000])
async def test_a_login_hint_does_not_choose_the_user(party: RelyingParty, hint: str) -> None:
    first = response_of(await party.walk(await party.start(login_hint=hint)), CALLBACK)
    again = response_of(await party.start(login_hint=hint, prompt="none"), CALLBACK)

    assert first.code
    assert again.code


@pytest.mark.requirement("OIDC Core §3.1.2.2: the user of the id_token_hint, signed in, is answered for")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prompt", [None, "none"])
async def test_the_hinted_user_is_answered_for(party: RelyingParty, prompt: str | None, mode: str) -> None:
    hint = await id_token(party)

    answer = await party.start(id_token_hint=hint, prompt=prompt, response_mode=mode)

    assert response_of(answer, CALLBACK).code


@pytest.mark.requirement("OIDC Core §3.1.2.1: an expired id_token_hint still says who is meant")
@pytest.mark.parametrize("days", [1, 400])
async def test_an_expired_hint_still_says_who_is_meant(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, days: int
) -> None:
    party = await make_party(at=ageing_system)
    hint = await id_token(party)
    clock.advance(days=days)
    await party.authorize()
    other = await make_party(party.client, at=ageing_system)
    await other.authorize()

    same = response_of(await party.start(id_token_hint=hint, prompt="none"), CALLBACK)
    another = response_of(await other.start(id_token_hint=hint, prompt="none"), CALLBACK)

    assert same.code
    assert another.error == "login_required"


@pytest.mark.requirement("OIDC Core §3.1.2.2: another user is not answered for")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("means", ["id_token_hint", "claims"])
async def test_another_user_must_sign_in_as_who_is_meant(make_party: MakeParty, means: str, mode: str) -> None:
    meant = await make_party()
    hint = await id_token(meant)
    assert meant.person is not None
    demand = {means: hint if means == "id_token_hint" else wants(meant.person.subject), "response_mode": mode}
    party = await make_party(meant.client)
    await party.authorize()

    silent = response_of(await party.start(prompt="none", **demand), CALLBACK)
    page = await party.start(**demand)
    refused = await party.sign_in(page)
    accepted = await party.walk(await party.sign_in(refused, meant.person))

    assert silent.error == "login_required"
    assert (page.status, heading(page)) == (200, LOGIN)
    assert page.page.get("input", name="username").attributes["value"] == ""
    assert (refused.status, refused.page.get(id="error").text) == (403, OTHER_ACCOUNT)
    assert response_of(accepted, CALLBACK).code


@pytest.mark.requirement("OIDC Core §3.1.2.2: the user that is meant must authenticate again after a prompt")
@pytest.mark.parametrize("prompt", ["login", "select_account", "consent"])
async def test_a_hint_and_a_prompt_hold_together(make_party: MakeParty, prompt: str) -> None:
    meant = await make_party()
    hint = await id_token(meant)
    another = (await make_party()).person

    page = await meant.start(id_token_hint=hint, prompt=prompt)
    if prompt == "select_account":
        page = await meant.browser.follow(await meant.browser.submit(page, action="another"), within=meant.issuer)
    if prompt == "consent":
        page = await meant.browser.get(page.url.replace("/consent", "/login"))
        assert "/consent?" in page.location
        return
    refused = await meant.sign_in(page, another)

    assert refused.page.get(id="error").text == OTHER_ACCOUNT


@pytest.mark.requirement("OIDC Core §3.1.2.1: a hint that we did not issue to this client is refused, not ignored")
@pytest.mark.parametrize("prompt", [None, "none"])
@pytest.mark.parametrize(
    "kind",
    [
        "of another client", "garbage", "three dots", "unsigned", "altered", "access token", "other typ", "other alg",
        "key in header", "of another issuer", "no subject", "empty parts", "huge",
    ],
)  # fmt: skip
async def test_a_hint_that_is_not_ours_is_refused(make_party: MakeParty, kind: str, prompt: str | None) -> None:
    party = await make_party()
    tokens = await party.log_in()
    ours = str(tokens.body["id_token"])
    other = await make_party(person=party.person)
    other.browser.cookies = party.browser.cookies
    hints = {
        "of another client": await id_token(other),
        "garbage": "garbage",
        "three dots": "a.b.c",
        "unsigned": altered(ours, {"alg": "none"}).rpartition(".")[0] + ".",
        "altered": altered(ours, None, {"sub": str(uuid4())}),
        "access token": tokens.access_token,
        "other typ": altered(ours, {"typ": "at+jwt"}),
        "other alg": altered(ours, {"alg": "HS256"}),
        "key in header": altered(ours, {"jwk": {"kty": "oct", "k": "AA"}}),
        "of another issuer": altered(ours, None, {"iss": "https://evil.example"}),
        "no subject": altered(ours, None, {"sub": None}),
        "empty parts": "..",
        "huge": "a" * 4000,
    }

    response = response_of(await party.start(id_token_hint=hints[kind], prompt=prompt), CALLBACK)

    assert response.error == "invalid_request"


@pytest.mark.requirement("OIDC Core §5.5.1: a sub that no user has signs no user in")
@pytest.mark.parametrize("subject", ["unknown", "", "00000000-0000-0000-0000-000000000000", "' OR 1=1"])
async def test_a_sub_that_no_user_has_matches_no_user(party: RelyingParty, subject: str) -> None:
    await party.authorize()

    silent = response_of(await party.start(claims=wants(subject), prompt="none"), CALLBACK)
    refused = await party.sign_in(await party.start(claims=wants(subject)))

    assert silent.error == "login_required"
    assert refused.page.get(id="error").text == OTHER_ACCOUNT


@pytest.mark.requirement("OIDC Core §3.1.2.2: hint and requested sub must both hold")
async def test_a_hint_and_a_sub_that_disagree_match_no_user(make_party: MakeParty) -> None:
    party = await make_party()
    hint = await id_token(party)
    other = (await make_party()).person
    assert other is not None

    answers = [await party.start(id_token_hint=hint, claims=wants(other.subject), prompt=p) for p in (None, "none")]

    assert heading(answers[0]) == LOGIN
    assert response_of(answers[1], CALLBACK).error == "login_required"


@pytest.mark.requirement("security 60: a user created again under the old name is another user")
async def test_a_hint_does_not_outlive_its_user(make_party: MakeParty, system: System) -> None:
    party = await make_party()
    hint = await id_token(party)
    assert party.person is not None
    await system.administration.delete_user(party.person)
    again = await system.administration.create_user(username=party.person.username)

    refused = await party.sign_in(await party.start(id_token_hint=hint), again)

    assert refused.page.get(id="error").text == OTHER_ACCOUNT
