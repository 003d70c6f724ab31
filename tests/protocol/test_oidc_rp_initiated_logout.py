"""OpenID Connect RP-Initiated Logout 1.0 and security 44: done at once where it is proven, asked otherwise."""

import pytest

from support.administration import CALLBACK, SIGNED_OUT, Administration
from support.browser import form_of, query_of
from support.client_logout import (
    DONE,
    QUESTION,
    REFUSED,
    STAYED,
    LogOut,
    id_token,
    is_signed_in,
    log_out,
    log_out_by_form,
)
from support.eventually import eventually
from support.front_channel import heading, require_shown, response_of
from support.movable_clock import MovableClock
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from support.tokens import altered


@pytest.mark.requirement("RP-Initiated Logout §2: a valid hint of this session ends it without a question")
@pytest.mark.parametrize("send", [log_out, log_out_by_form], ids=["GET", "POST"])
@pytest.mark.parametrize("with_client_id", [False, True])
@pytest.mark.parametrize("state", [None, "s", "a b&c=d"])
async def test_a_proven_logout_is_done_and_leads_back(
    party: RelyingParty, send: LogOut, with_client_id: bool, state: str | None
) -> None:
    hint = await id_token(party)

    answer = await send(
        party,
        id_token_hint=hint,
        client_id=party.client.client_id if with_client_id else None,
        post_logout_redirect_uri=SIGNED_OUT,
        state=state,
    )

    assert answer.status == 303
    assert answer.location.startswith(SIGNED_OUT)
    assert (query_of(answer.location) if state else {}) == ({"state": state} if state else {})
    assert (answer.location == SIGNED_OUT) is (state is None)
    assert "vk_session" not in party.browser.cookies
    assert not await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: without an address to go to the user stays here")
async def test_a_proven_logout_without_an_address_ends_here(party: RelyingParty) -> None:
    answer = await log_out(party, id_token_hint=await id_token(party))

    assert (answer.status, heading(answer)) == (200, DONE)
    assert "Web application" in answer.page.text
    assert not await is_signed_in(party)


@pytest.mark.requirement("security 44: a missing, foreign, unsigned or expired hint asks")
@pytest.mark.parametrize("with_uri", [False, True])
@pytest.mark.parametrize(
    "kind", ["none", "garbage", "unsigned", "altered", "access token", "other session", "other user", "expired"]
)
async def test_a_logout_that_is_not_proven_asks(
    make_party: MakeParty, ageing_system: System, clock: MovableClock, kind: str, with_uri: bool
) -> None:
    party = await make_party(at=ageing_system)
    other_session = await make_party(party.client, party.person, at=ageing_system)
    other_user = await make_party(party.client, at=ageing_system)
    tokens = await party.log_in()
    hint = str(tokens.body["id_token"])
    hints = {
        "none": None,
        "garbage": "x.y.z",
        "unsigned": altered(hint, {"alg": "none"}).rpartition(".")[0] + ".",
        "altered": altered(hint, None, {"exp": 4102444800}),
        "access token": tokens.access_token,
        "other session": await id_token(other_session),
        "other user": await id_token(other_user),
        "expired": hint,
    }
    if kind == "expired":
        clock.advance(hours=1)
    uri = {"client_id": party.client.client_id, "post_logout_redirect_uri": SIGNED_OUT, "state": "s"}

    page = await log_out(party, id_token_hint=hints[kind], **(uri if with_uri else {}))

    assert (page.status, heading(page)) == (200, QUESTION)
    assert await is_signed_in(party)
    answer = await party.browser.submit(page, action="logout")
    assert not await is_signed_in(party)
    if with_uri:
        assert (answer.status, answer.location) == (303, f"{SIGNED_OUT}?state=s")
    else:
        assert (answer.status, heading(answer)) == (200, DONE)


@pytest.mark.requirement("RP-Initiated Logout §2: client_id must be the one that the hint was issued to")
@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_hint_of_another_client_than_named_is_refused(make_party: MakeParty, signed_in: bool) -> None:
    party, other = await make_party(), await make_party()
    hint = await id_token(party)
    if not signed_in:
        party.browser.cookies.clear()

    answer = await log_out(
        party, id_token_hint=hint, client_id=other.client.client_id, post_logout_redirect_uri=SIGNED_OUT
    )

    assert require_shown(answer) == REFUSED
    assert ("vk_session" in party.browser.cookies) is signed_in


@pytest.mark.requirement("security 44: logout never redirects to a URI that the named client has not registered")
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("named", ["no client", "another", "disabled", "hint"])
async def test_an_address_is_believed_for_its_own_client_only(
    make_party: MakeParty, administration: Administration, signed_in: bool, named: str
) -> None:
    elsewhere = "https://another.example/signed-out"
    another = await administration.create_web_client(post_logout_redirect_uris=(elsewhere,))
    disabled = await administration.create_web_client(post_logout_redirect_uris=(elsewhere,), enabled=False)
    party = await make_party()
    hint = await id_token(party)
    if not signed_in:
        party.browser.cookies.clear()
    params = {
        "no client": {"post_logout_redirect_uri": SIGNED_OUT},
        "another": {"post_logout_redirect_uri": SIGNED_OUT, "client_id": another.client_id},
        "disabled": {"post_logout_redirect_uri": elsewhere, "client_id": disabled.client_id},
        "hint": {"post_logout_redirect_uri": elsewhere, "id_token_hint": hint},
    }

    answer = await log_out(party, **params[named])

    assert require_shown(answer) == REFUSED
    cause = {"no client": "needs an id_token_hint or a client_id"}.get(named, "is not registered for this client")
    assert f"post_logout_redirect_uri {cause}." in answer.page.text
    assert ("vk_session" in party.browser.cookies) is signed_in


@pytest.mark.requirement("RP-Initiated Logout §3: the registered URI, to the letter, whatever its form")
@pytest.mark.parametrize(
    ("uri", "arrives"),
    [
        ("https://client.example/out?a=1", "https://client.example/out?a=1&state=s"),
        ("http://127.0.0.1:8000/out", "http://127.0.0.1:8000/out?state=s"),
        ("com.example.app:/out", "com.example.app:/out?state=s"),
    ],
)
async def test_each_kind_of_address_is_returned_to(
    make_party: MakeParty, administration: Administration, uri: str, arrives: str
) -> None:
    client = await administration.create_web_client(post_logout_redirect_uris=("https://x.example/", uri))
    party = await make_party(client)

    answer = await log_out(party, id_token_hint=await id_token(party), post_logout_redirect_uri=uri, state="s")

    assert answer.headers["Location"] == arrives


@pytest.mark.requirement("security 44: the question can be declined")
async def test_staying_signed_in_changes_nothing(party: RelyingParty) -> None:
    await party.authorize()
    page = await log_out(party, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT)

    answer = await party.browser.submit(page, action="stay")

    assert (answer.status, heading(answer)) == (200, STAYED)
    assert await is_signed_in(party)


@pytest.mark.requirement("security 44: the question names who is signed in and who asks")
async def test_the_question_says_what_it_is_about(party: RelyingParty) -> None:
    await party.authorize()
    assert party.person is not None

    named = await log_out(party, client_id=party.client.client_id)
    unnamed = await log_out(party)

    assert "Web application asks to sign you out." in named.page.text
    assert "asks to sign you out" not in unnamed.page.text
    assert all(party.person.username in page.page.text for page in (named, unnamed))


@pytest.mark.requirement("security 44: what the form carries cannot be exchanged")
@pytest.mark.parametrize("how", ["another form", "altered", "empty", "none"])
async def test_the_answer_to_the_question_cannot_be_led_elsewhere(make_party: MakeParty, how: str) -> None:
    party = await make_party()
    await party.authorize()
    page = await log_out(party)
    other = await log_out(party, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT)
    carried = dict(form_of(other).fields)["interaction"]
    own = dict(form_of(page).fields)["interaction"]
    changed = {"another form": carried, "altered": own[:-2] + "AA", "empty": "", "none": "A" * 40}[how]

    answer = await party.browser.submit(page, action="logout", interaction=changed)

    assert require_shown(answer, 403)
    assert await is_signed_in(party)


@pytest.mark.requirement("RP-Initiated Logout §2: logging out twice is harmless")
async def test_a_second_logout_leads_to_the_same_place(party: RelyingParty) -> None:
    hint = await id_token(party)

    answers = [await log_out(party, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT) for _ in range(2)]
    plain = await log_out(party)

    assert [answer.location for answer in answers] == [SIGNED_OUT] * 2
    assert (plain.status, heading(plain)) == (200, DONE)
    assert not plain.page.find_all("form")


@pytest.mark.requirement("security 44: a link on another site does not stop a login in progress")
async def test_a_logout_link_leaves_a_login_in_progress_alone(party: RelyingParty) -> None:
    page = await party.start()

    await log_out(party, client_id=party.client.client_id, post_logout_redirect_uri=SIGNED_OUT)

    assert response_of(await party.walk(await party.browser.get(page.url)), CALLBACK).code


@pytest.mark.requirement("security 21: logout ends what is bound to the session, and nothing else")
async def test_tokens_of_the_session_end_with_it(make_party: MakeParty, api: RelyingParty) -> None:
    party = await make_party()
    elsewhere = await make_party(party.client, party.person)
    other = await elsewhere.log_in(scope="openid api:read")
    bound = await party.log_in(scope="openid api:read")
    offline = await party.log_in(scope="openid api:read offline_access")

    await log_out(party, id_token_hint=bound.body["id_token"])

    alive = {
        name: ((await api.introspect(tokens.access_token)).active, (await party.refresh(tokens.refresh_token)).status)
        for name, tokens in {"bound": bound, "offline": offline, "other": other}.items()
    }
    assert alive == {"bound": (False, 400), "offline": (True, 200), "other": (True, 200)}


@pytest.mark.requirement("security 44: logout parameters are bounded and single")
@pytest.mark.parametrize(
    "params",
    [
        [("state", "a"), ("state", "b")],
        [("post_logout_redirect_uri", SIGNED_OUT), ("post_logout_redirect_uri", SIGNED_OUT)],
        [("client_id", "a"), ("client_id", "b")],
        [("id_token_hint", "a"), ("id_token_hint", "b")],
        [("state", "s" * 4097)],
    ],
    ids=range(5),
)
async def test_malformed_logout_requests_are_refused(party: RelyingParty, params: list[tuple[str, str]]) -> None:
    await party.authorize()

    answer = await party.browser.get(f"{party.issuer}/logout", params)

    assert require_shown(answer) == REFUSED
    assert await is_signed_in(party)


@pytest.mark.requirement("security 44: an address that is no longer registered is not used any more")
async def test_an_address_removed_while_the_user_is_asked_is_not_used(
    party: RelyingParty, administration: Administration
) -> None:
    await party.authorize()
    asked = {"client_id": party.client.client_id, "post_logout_redirect_uri": SIGNED_OUT}
    page = await log_out(party, **asked)
    await administration.change_client(party.client, post_logout_redirect_uris=())

    async def is_known() -> bool:
        return (await log_out(party, **asked)).status == 400

    await eventually(is_known)

    assert require_shown(await party.browser.submit(page, action="logout")) == REFUSED


@pytest.mark.requirement("RP-Initiated Logout §2.1: end_session_endpoint is published")
async def test_the_metadata_names_the_endpoint(party: RelyingParty) -> None:
    metadata = await party.get_json("/.well-known/openid-configuration")

    assert metadata.body["end_session_endpoint"] == f"{party.issuer}/logout"
