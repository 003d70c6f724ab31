"""Signing out: at once for a client that proves whom it means, after a question otherwise."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from support.administration import SIGNED_OUT, Administration
from support.browser import Answer
from support.front_channel import heading, require_shown
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty

ASKED = "Sign out?"
STATE = '"><script>evil&ü'


async def log_out(party: RelyingParty, **params: str) -> Answer:
    return await party.browser.get(f"{party.issuer}/logout", list(params.items()))


async def is_signed_in(party: RelyingParty) -> bool:
    return heading(await party.browser.get(f"{party.issuer}/login")) == "You are still signed in"


@pytest.mark.requirement("RP-Initiated Logout §2: a valid hint signs out and leads back with state")
async def test_a_client_that_knows_the_session_signs_out_at_once(party: RelyingParty) -> None:
    tokens = await party.log_in()
    secret = party.browser.cookies["vk_session"]

    answer = await log_out(
        party, id_token_hint=tokens.body["id_token"], post_logout_redirect_uri=SIGNED_OUT, state="a&b"
    )

    assert answer.status == 303
    assert answer.location == f"{SIGNED_OUT}?{urlencode({'state': 'a&b'})}"
    assert party.browser.cookies.keys() == {"vk_device"}
    party.browser.cookies["vk_session"] = secret
    assert not await is_signed_in(party)


@pytest.mark.requirement("security 21: refresh refused after logout when bound to the session")
async def test_signing_out_ends_what_was_bound_to_the_session(make_party: MakeParty) -> None:
    party = await make_party()
    bound = await party.log_in(scope="openid api:read")
    offline = await party.log_in(scope="openid offline_access api:read")

    await log_out(party, id_token_hint=bound.body["id_token"])

    assert (await party.refresh(bound.refresh_token)).error == "invalid_grant"
    assert not (await party.introspect(bound.access_token)).active
    assert (await party.refresh(offline.refresh_token)).status == 200


def altered(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' * len(signature)}"


def unsigned(token: str) -> str:
    return f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{token.split('.')[1]}."


@pytest.mark.requirement("security 44: a foreign or unsigned hint asks; nothing is redirected")
@pytest.mark.parametrize(
    "spoil", [altered, unsigned, lambda _: "x", lambda _: ""], ids=["altered", "unsigned", "x", "none"]
)
async def test_a_hint_that_is_not_ours_asks(party: RelyingParty, spoil: Callable[[str], str]) -> None:
    hint = spoil((await party.log_in()).body["id_token"])

    answer = await log_out(
        party, id_token_hint=hint, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT
    )

    assert (answer.status, heading(answer)) == (200, ASKED)
    assert await is_signed_in(party)


@pytest.mark.requirement("security 44: an expired hint asks")
async def test_an_expired_hint_asks_and_still_knows_the_client(
    make_party: MakeParty, ageing_system: System, clock: MovableClock
) -> None:
    party = await make_party(at=ageing_system)
    hint = (await party.log_in()).body["id_token"]
    clock.advance(hours=1)

    asked = await log_out(party, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)
    answer = await party.browser.submit(asked, action="logout")

    assert heading(asked) == ASKED
    assert "Web application" in asked.page.text
    assert answer.location == SIGNED_OUT


@pytest.mark.requirement("security 44: another session's hint asks")
async def test_a_hint_at_another_session_asks(make_party: MakeParty) -> None:
    party = await make_party()
    other = await make_party(party.client)
    hint = (await other.log_in()).body["id_token"]
    await party.log_in()
    same_user_again = (await (await make_party(party.client, party.person)).log_in()).body["id_token"]

    answers = [await log_out(party, id_token_hint=token) for token in (hint, same_user_again)]

    assert [heading(answer) for answer in answers] == [ASKED, ASKED]
    assert await is_signed_in(party)


@pytest.mark.requirement("security 6: no open redirect at logout")
@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/", f"{SIGNED_OUT}/", f"{SIGNED_OUT}?x", "//evil.example", "/\\evil.example", "javascript:x"],
)
@pytest.mark.parametrize("has_session", [True, False])
@pytest.mark.parametrize("names", ["hint", "client_id", "nothing"])
async def test_an_address_that_is_not_registered_is_never_gone_to(
    party: RelyingParty, uri: str, names: str, has_session: bool
) -> None:
    hint = (await party.log_in()).body["id_token"]
    if not has_session:
        party.browser.cookies.clear()
    naming = {"hint": {"id_token_hint": hint}, "client_id": {"client_id": party.client.client_id}, "nothing": {}}

    answer = await log_out(party, post_logout_redirect_uri=uri, **naming[names])

    require_shown(answer)
    assert await is_signed_in(party) == has_session


async def test_a_registered_address_needs_the_client_it_is_registered_for(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(post_logout_redirect_uris=()))
    await party.log_in()

    for client_id in (party.client.client_id, "unknown"):
        require_shown(await log_out(party, client_id=client_id, post_logout_redirect_uri=SIGNED_OUT))

    assert await is_signed_in(party)


async def test_staying_changes_nothing(party: RelyingParty) -> None:
    await party.log_in()

    answer = await party.browser.submit(await log_out(party), action="stay")

    assert heading(answer) == "You are still signed in"
    assert await is_signed_in(party)


async def test_saying_yes_signs_out(party: RelyingParty) -> None:
    await party.log_in()

    answer = await party.browser.submit(await log_out(party), action="logout")

    assert heading(answer) == "You are signed out"
    assert not await is_signed_in(party)


@pytest.mark.requirement("security 37: CSRF token and Origin on the logout form")
@pytest.mark.parametrize("changes", [{"csrf_token": "x"}, {"interaction": "W251bGwsbnVsbCxudWxsXQ"}])
async def test_a_forged_answer_does_nothing(party: RelyingParty, changes: dict[str, str]) -> None:
    await party.log_in()
    asked = await log_out(party, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT)

    answer = await party.browser.submit(asked, action="logout", **changes)

    require_shown(answer, 403)
    assert await is_signed_in(party)


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "https://evil.example"])
async def test_an_answer_from_elsewhere_does_nothing(party: RelyingParty, origin: str) -> None:
    await party.log_in()
    asked = await log_out(party)
    party.browser.origin = origin

    answer = await party.browser.submit(asked, action="logout")

    require_shown(answer, 403)
    assert await is_signed_in(party)


async def test_an_answer_without_a_token_is_only_asked_again(party: RelyingParty) -> None:
    await party.log_in()

    answer = await party.browser.post(f"{party.issuer}/logout", [("action", "logout")])

    assert heading(answer) == ASKED
    assert await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: GET and POST")
async def test_a_logout_posted_by_a_client_finds_the_session_after_a_redirect(party: RelyingParty) -> None:
    hint = (await party.log_in()).body["id_token"]
    cookies, party.browser.cookies = party.browser.cookies, {}

    posted = await party.browser.post(f"{party.issuer}/logout", [("id_token_hint", hint)])
    party.browser.cookies = cookies
    answer = await party.browser.follow(posted, within=party.issuer)

    assert posted.status == 303
    assert heading(answer) == "You are signed out"


async def test_signing_out_without_a_session_disturbs_no_login_in_progress(party: RelyingParty) -> None:
    login = await party.start()

    answer = await log_out(party)

    assert heading(answer) == "You are signed out"
    assert "asks for access" in heading(await party.sign_in(login))


async def test_the_logout_form_comes_back_as_it_was(party: RelyingParty) -> None:
    await party.log_in()

    asked = await log_out(party, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    answer = await party.browser.submit(asked, action="logout")

    assert "evil" not in asked.text
    assert answer.location == f"{SIGNED_OUT}?{urlencode({'state': STATE})}"
