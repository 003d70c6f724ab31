"""The steps between the request and its answer: in order, in one browser, once, and only from our own forms."""

from collections.abc import Mapping

import pytest

from support.administration import Administration
from support.browser import Answer, form_of, query_of
from support.eventually import eventually
from support.front_channel import heading, require_shown
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.core.sealed_value import Purpose
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import interaction_key
from valetkey.storage.sealing import create_sealer

STEPS = ("login", "select_account", "consent")
FILLED: Mapping[str, Mapping[str, str]] = {
    "login": {},
    "select_account": {"action": "continue"},
    "consent": {"action": "allow"},
}
GONE = "This sign-in has expired"
REFUSED = "We could not confirm this step"


async def reach(party: RelyingParty, step: str) -> Answer:
    """The page of a step of a new request."""
    if step == "login":
        return await party.start()
    await party.authorize()
    if step == "select_account":
        return await party.start(prompt="select_account")
    return await party.start(prompt="consent")


def filled(party: RelyingParty, page: Answer, step: str, **changes: str) -> list[tuple[str, str]]:
    assert party.person is not None
    credentials = {"username": party.person.username, "password": party.person.password} if step == "login" else {}
    pairs = form_of(page).filled({**FILLED[step], **credentials, **changes})
    return [(name, value) for name, value in pairs if value]


@pytest.mark.requirement("security 11: steps from another browser get nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_another_browser_gets_nothing(make_party: MakeParty, step: str) -> None:
    party = await make_party()
    thief = await make_party(party.client, party.person)
    page = await reach(party, step)
    await reach(thief, step)

    shown = await thief.browser.get(page.url)
    posted = await thief.browser.post(form_of(page).action, filled(party, page, step))

    assert (require_shown(shown, 410), require_shown(posted, 410)) == (GONE, GONE)


@pytest.mark.parametrize("step", STEPS)
async def test_a_browser_without_cookies_is_told_what_is_missing(party: RelyingParty, step: str) -> None:
    page = await reach(party, step)
    party.browser.cookies.clear()

    answer = await party.browser.get(page.url)

    assert require_shown(answer) == "Your browser did not remember us"


@pytest.mark.requirement("security 11: replayed steps get nothing")
async def test_an_answered_request_is_answered_once(party: RelyingParty) -> None:
    consent = await reach(party, "consent")
    form = filled(party, consent, "consent")
    first = await party.browser.post(form_of(consent).action, form)

    again = await party.browser.post(form_of(consent).action, form)

    assert "code" in query_of(first.location)
    assert require_shown(again, 410) == GONE
    assert require_shown(await party.browser.get(consent.url), 410) == GONE


@pytest.mark.requirement("security 11: empty and unknown interactions get nothing")
@pytest.mark.parametrize("interaction", ["A" * 43, "x", "é" * 43, "A" * 5000])
@pytest.mark.parametrize("endpoint", ["/login", "/select-account", "/consent"])
async def test_an_unknown_request_gets_nothing(party: RelyingParty, endpoint: str, interaction: str) -> None:
    await reach(party, "login")

    shown = await party.browser.get(f"{party.issuer}{endpoint}", [("interaction", interaction)])
    posted = await party.browser.post(f"{party.issuer}{endpoint}", [("interaction", interaction)])
    empty = await party.browser.post(f"{party.issuer}{endpoint}", [])

    assert (require_shown(shown, 410), require_shown(posted, 410)) == (GONE, GONE)
    assert require_shown(empty) == "No application is waiting"


@pytest.mark.requirement("security 11: steps out of order get nothing")
@pytest.mark.parametrize("endpoint", ["/select-account", "/consent"])
@pytest.mark.parametrize("action", ["allow", "continue", "deny"])
async def test_no_step_can_be_skipped(party: RelyingParty, endpoint: str, action: str) -> None:
    login = await party.start()
    form = form_of(login).filled({"action": action})

    posted = await party.browser.post(f"{party.issuer}{endpoint}", form)
    opened = await party.browser.get(login.url.replace("/login", endpoint))

    assert posted.location == login.url
    assert opened.location == login.url


@pytest.mark.requirement("security 11: the steps act on what the server stored, never on resent parameters")
async def test_parameters_sent_along_with_a_form_change_nothing(party: RelyingParty) -> None:
    consent = await party.sign_in(await party.start(scope="openid", state="mine"))
    form = form_of(consent).filled(
        {"action": "allow", "scope": "openid api:write", "state": "theirs", "redirect_uri": "https://evil.example/"}
    )

    answer = await party.browser.post(form_of(consent).action, form)

    assert answer.location.startswith(party.client.redirect_uri)
    assert query_of(answer.location)["state"] == "mine"


@pytest.mark.requirement("security 37: a form filled in as one user never counts for another")
async def test_consent_shown_to_one_user_is_not_given_by_another(make_party: MakeParty) -> None:
    party = await make_party()
    another = (await make_party()).person
    consent = await party.sign_in(await party.start())
    await party.sign_in(await party.start(prompt="login"), another)

    answer = await party.browser.submit(consent, action="allow")

    assert require_shown(answer, 403) == REFUSED


@pytest.mark.requirement("security 3: a client disabled meanwhile is a page, not a redirect")
@pytest.mark.parametrize("action", ["allow", "deny"])
async def test_a_client_disabled_meanwhile_is_told_nothing(
    party: RelyingParty, administration: Administration, action: str
) -> None:
    consent = await reach(party, "consent")
    await administration.disable_client(party.client)

    async def is_known() -> bool:
        return (await party.browser.get(consent.url)).status == 400

    await eventually(is_known)
    answer = await party.browser.submit(consent, action=action)

    assert require_shown(answer) == "The application has changed"


async def test_using_another_account_leads_to_the_login_page_and_back(make_party: MakeParty) -> None:
    party = await make_party()
    another = (await make_party()).person
    assert another is not None
    page = await reach(party, "select_account")

    login = await party.browser.follow(await party.browser.submit(page, action="another"), within=party.issuer)
    consent = await party.sign_in(login, another)

    assert heading(login) == "Sign in"
    assert another.username in consent.page.text


@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt=login consent select_account together")
async def test_every_prompt_is_met_in_turn(party: RelyingParty) -> None:
    await party.authorize()

    login = await party.start(prompt="login consent select_account")
    consent = await party.sign_in(login)
    answer = await party.browser.submit(consent, action="allow")

    assert (heading(login), "asks for access" in heading(consent)) == ("Confirm that it is you", True)
    assert "code" in query_of(answer.location)


@pytest.mark.requirement("security 51: no token in Redis")
async def test_a_hint_is_verified_and_not_kept(make_party: MakeParty, system: System) -> None:
    party = await make_party()
    hint = (await party.log_in()).body["id_token"]

    page = await party.start(id_token_hint=hint, prompt="login")

    key = interaction_key(query_of(page.url)["interaction"])
    async with connect(system.redis_url) as redis:
        kept = await redis.get(key)
    assert isinstance(kept, bytes)
    message = create_sealer(system.settings).read(Purpose.INTERACTION, key, kept)
    assert len(message) > 100
    assert hint.encode() not in message
