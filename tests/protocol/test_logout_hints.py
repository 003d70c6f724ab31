"""RP-Initiated Logout: hints whose key is gone, and hints that come without the cookie of their session."""

import pytest

from support.administration import SIGNED_OUT
from support.client_logout import (
    DONE,
    QUESTION,
    REFUSED,
    LogOut,
    id_token,
    is_signed_in,
    log_out,
    log_out_by_form,
)
from support.front_channel import heading, require_shown
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from support.tokens import altered


def signed_by_a_key_that_is_gone(hint: str) -> str:
    return altered(hint, {"kid": "gone"})


@pytest.mark.requirement(
    "RP-Initiated Logout §2: a hint whose key is gone asks, and the client that it names is answered"
)
@pytest.mark.parametrize("with_client_id", [False, True])
async def test_a_hint_whose_key_is_gone_asks_and_leads_back(party: RelyingParty, with_client_id: bool) -> None:
    hint = signed_by_a_key_that_is_gone(await id_token(party))

    page = await log_out(
        party,
        id_token_hint=hint,
        client_id=party.client.client_id if with_client_id else None,
        post_logout_redirect_uri=SIGNED_OUT,
    )

    assert (page.status, heading(page)) == (200, QUESTION)
    assert await is_signed_in(party)
    assert (await party.browser.submit(page, action="logout")).location == SIGNED_OUT
    assert not await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: a hint that names no client asks; the address is not used")
@pytest.mark.parametrize("aud", [None, ["a"], 7, "nobody", "\x00", "a" * 3000, {"a": 1}], ids=range(7))
async def test_a_hint_that_names_no_client_asks_and_leads_nowhere(party: RelyingParty, aud: object) -> None:
    hint = altered(await id_token(party), {"kid": "gone"}, {"aud": aud})

    page = await log_out(party, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)

    assert (page.status, heading(page)) == (200, QUESTION)
    answer = await party.browser.submit(page, action="logout")
    assert (answer.status, heading(answer)) == (200, DONE)
    assert not await is_signed_in(party)


@pytest.mark.requirement("security 44: an unproven hint leads only where the client that it names has registered")
async def test_an_address_of_another_client_is_refused_for_an_unproven_hint(party: RelyingParty) -> None:
    hint = signed_by_a_key_that_is_gone(await id_token(party))

    answer = await log_out(party, id_token_hint=hint, post_logout_redirect_uri="https://evil.example/")

    assert require_shown(answer) == REFUSED


@pytest.mark.requirement("RP-Initiated Logout §2: a valid hint ends its session where the browser brings no cookie")
@pytest.mark.parametrize("send", [log_out, log_out_by_form], ids=["GET", "POST"])
@pytest.mark.parametrize("with_uri", [False, True])
async def test_a_proven_hint_without_its_cookie_ends_the_session(
    make_party: MakeParty, api: RelyingParty, send: LogOut, with_uri: bool
) -> None:
    party = await make_party()
    tokens = await party.log_in(scope="openid api:read")
    elsewhere = await make_party(party.client, party.person)

    answer = await send(
        elsewhere,
        id_token_hint=str(tokens.body["id_token"]),
        post_logout_redirect_uri=SIGNED_OUT if with_uri else None,
    )

    assert (answer.location == SIGNED_OUT) if with_uri else (heading(answer) == DONE)
    assert "not signed in" not in answer.text
    assert not (await api.introspect(tokens.access_token)).active
    assert (await party.refresh(tokens.refresh_token)).status == 400
    assert not await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: what does not prove a live session ends none without its cookie")
@pytest.mark.requirement("RP-Initiated Logout §3: the client is led on to after a logout, and only then")
@pytest.mark.parametrize("send", [log_out, log_out_by_form], ids=["GET", "POST"])
@pytest.mark.parametrize("uri", [SIGNED_OUT, None], ids=["with an address", "without"])
@pytest.mark.parametrize("kind", ["none", "key gone", "unsigned", "expired"])
async def test_without_a_cookie_and_a_proof_nothing_ends_and_the_page_says_so(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, kind: str, uri: str | None, send: LogOut
) -> None:
    party = await make_party(at=ageing_system)
    elsewhere = await make_party(party.client, party.person, at=ageing_system)
    hint = await id_token(party)
    hints = {
        "none": None,
        "key gone": signed_by_a_key_that_is_gone(hint),
        "unsigned": altered(hint, {"alg": "none"}).rpartition(".")[0] + ".",
        "expired": hint,
    }
    if kind == "expired":
        clock.advance(hours=1)

    answer = await send(
        elsewhere, id_token_hint=hints[kind], client_id=party.client.client_id, post_logout_redirect_uri=uri
    )

    links = {link.attributes["href"] for link in answer.page.find_all("a")}
    assert (answer.status, heading(answer)) == (200, DONE)
    assert "You are not signed in in this browser" in answer.text
    assert (SIGNED_OUT in links) is (uri is not None)
    assert await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: a hint of a session that is over has nothing left to end")
@pytest.mark.parametrize("is_expired", [False, True])
async def test_a_hint_of_a_session_that_is_over_leads_on(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, is_expired: bool
) -> None:
    party = await make_party(at=ageing_system)
    elsewhere = await make_party(party.client, party.person, at=ageing_system)
    hint = await id_token(party)
    await log_out(party, id_token_hint=hint)
    if is_expired:
        clock.advance(hours=1)

    answer = await log_out(elsewhere, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)

    assert (answer.status, answer.location) == (303, SIGNED_OUT)


@pytest.mark.requirement("pages: no page of a logout is a dead end")
@pytest.mark.parametrize("action", ["logout", "stay"])
async def test_a_question_that_another_tab_has_answered_says_that_it_is_done(party: RelyingParty, action: str) -> None:
    await party.authorize()
    first, second = [await log_out(party) for _ in range(2)]
    await party.browser.submit(first, action="logout")

    answer = await party.browser.submit(second, action=action)

    assert (answer.status, heading(answer)) == (200, DONE)
    assert "You are not signed in in this browser" in answer.text
