"""OIDC Core §3.1.2.1, prompt: which pages are shown, for whom, in which order; and none shows none."""

import pytest

from support.administration import CALLBACK, Administration
from support.browser import Answer
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.systems import MakeParty

LOGIN, CONFIRM, CHOOSE = "Sign in", "Confirm that it is you", "Choose an account"
CONSENT = "Web application asks for access to your account"
CONFIDENTIAL, PUBLIC = "client_secret_basic", "none"

# What the browser and the client have been through before.
SIGNED_OUT, SIGNED_IN, AGREED = "signed out", "signed in", "agreed"

# Who comes, what is asked: the pages that are shown until the code. Public clients are asked for consent every time.
PAGES = {
    (SIGNED_OUT, None): [LOGIN, CONSENT],
    (SIGNED_OUT, "login"): [LOGIN, CONSENT],
    (SIGNED_OUT, "consent"): [LOGIN, CONSENT],
    (SIGNED_OUT, "select_account"): [LOGIN, CONSENT],
    (SIGNED_OUT, "login consent"): [LOGIN, CONSENT],
    (SIGNED_OUT, "login consent select_account"): [LOGIN, CONSENT],
    (SIGNED_IN, None): [CONSENT],
    (SIGNED_IN, "login"): [CONFIRM, CONSENT],
    (SIGNED_IN, "consent"): [CONSENT],
    (SIGNED_IN, "select_account"): [CHOOSE, CONSENT],
    (SIGNED_IN, "login consent"): [CONFIRM, CONSENT],
    (SIGNED_IN, "login select_account"): [CONFIRM, CONSENT],
    (SIGNED_IN, "select_account consent"): [CHOOSE, CONSENT],
    (AGREED, None): [],
    (AGREED, "login"): [CONFIRM],
    (AGREED, "consent"): [CONSENT],
    (AGREED, "select_account"): [CHOOSE],
    (AGREED, "login consent"): [CONFIRM, CONSENT],
    (AGREED, "consent login"): [CONFIRM, CONSENT],
    (AGREED, "login select_account"): [CONFIRM],
    (AGREED, "select_account consent"): [CHOOSE, CONSENT],
    (AGREED, "login consent select_account"): [CONFIRM, CONSENT],
    (AGREED, "login login"): [CONFIRM],
}
SILENT = {
    (SIGNED_OUT, CONFIDENTIAL): "login_required",
    (SIGNED_OUT, PUBLIC): "login_required",
    (SIGNED_IN, CONFIDENTIAL): "consent_required",
    (SIGNED_IN, PUBLIC): "consent_required",
    (AGREED, CONFIDENTIAL): None,
    (AGREED, PUBLIC): "consent_required",
}


async def come_as(make_party: MakeParty, before: str, method: str) -> RelyingParty:
    party = await make_party(method=method)
    if before == SIGNED_IN:
        other = await make_party(person=party.person)
        await other.authorize()
        party.browser.cookies = other.browser.cookies
    if before == AGREED:
        await party.authorize(scope="openid profile")
    return party


async def walk(party: RelyingParty, answer: Answer) -> tuple[list[str], Answer]:
    """Say yes to every page: what they were, and what came after the last."""
    seen = []
    while not answer.is_redirect and len(answer.page.find_all("button")) > 1:
        seen.append(heading(answer))
        assert len(seen) < 5, seen
        if heading(answer) in {LOGIN, CONFIRM}:
            answer = await party.sign_in(answer)
        else:
            action = "continue" if heading(answer) == CHOOSE else "allow"
            answer = await party.browser.follow(await party.browser.submit(answer, action=action), within=party.issuer)
    return seen, answer


@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt decides which pages are shown")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("method", [CONFIDENTIAL, PUBLIC])
@pytest.mark.parametrize(("before", "prompt"), PAGES, ids=[f"{before}-{prompt}" for before, prompt in PAGES])
async def test_every_prompt_shows_its_pages_and_no_others(
    make_party: MakeParty, before: str, prompt: str | None, method: str, mode: str
) -> None:
    party = await come_as(make_party, before, method)
    expected = PAGES[before, prompt]
    if method == PUBLIC and CONSENT not in expected:
        expected = [*expected, CONSENT]

    seen, answer = await walk(party, await party.start(prompt=prompt, response_mode=mode))

    assert seen == expected
    response = response_of(answer, CALLBACK)
    assert response.response_mode == mode
    assert response.code


@pytest.mark.requirement("OIDC Core §3.1.2.6: prompt=none shows no page, whatever would be due")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize(("before", "method"), SILENT)
async def test_prompt_none_is_answered_at_once(make_party: MakeParty, before: str, method: str, mode: str) -> None:
    party = await come_as(make_party, before, method)
    cookies = dict(party.browser.cookies)

    answer = await party.browser.get(
        f"{party.issuer}/authorize", party.request_params("v" * 43, prompt="none", state="s", response_mode=mode)
    )

    response = response_of(answer, CALLBACK)
    assert (response.error, response.response_mode) == (SILENT[before, method], mode)
    assert (response.params["state"], response.params["iss"]) == ("s", party.issuer)
    assert party.browser.cookies == cookies


@pytest.mark.requirement("OIDC Core §3.1.2.6: prompt=none names the first thing that is missing")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid email"}, "consent_required"),
        ({"scope": "openid api:read"}, "consent_required"),
        ({"claims": '{"userinfo":{"birthdate":null}}'}, "consent_required"),
        ({"max_age": "0"}, "login_required"),
        ({"max_age": "0", "scope": "openid email"}, "login_required"),
        ({"claims": '{"id_token":{"sub":{"value":"another user"}}}'}, "login_required"),
        ({"scope": "openid"}, None),
        ({"max_age": "3600"}, None),
        ({"login_hint": "another user"}, None),
        ({"acr_values": "urn:x"}, None),
    ],
    ids=range(10),
)
async def test_prompt_none_is_refused_where_a_page_would_be_due(
    make_party: MakeParty, changes: dict[str, str], error: str | None
) -> None:
    party = await come_as(make_party, AGREED, CONFIDENTIAL)

    response = response_of(await party.start(prompt="none", **changes), CALLBACK)

    assert response.error == error


@pytest.mark.requirement("OIDC Core §3.1.2.1: another account can be chosen, and is asked about itself")
async def test_choosing_another_account_asks_the_other_user(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await come_as(make_party, AGREED, CONFIDENTIAL)
    other = await administration.create_user()
    before = party.browser.cookies["vk_session"]

    page = await party.browser.submit(await party.start(prompt="select_account"), action="another")
    page = await party.browser.follow(page, within=party.issuer)
    consent = await party.sign_in(page, other)
    seen, answer = await walk(party, consent)

    assert heading(page) == LOGIN
    assert page.page.get("input", name="username").attributes["value"] == ""
    assert other.username in consent.page.text
    assert seen == [CONSENT]
    assert response_of(answer, CALLBACK).code
    assert party.browser.cookies["vk_session"] != before


@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt=login names who must prove it, and lets another sign in")
@pytest.mark.parametrize("same", [True, False])
async def test_prompt_login_may_end_with_another_user(
    make_party: MakeParty, administration: Administration, same: bool
) -> None:
    party = await come_as(make_party, AGREED, CONFIDENTIAL)
    assert party.person is not None
    other = party.person if same else await administration.create_user()

    page = await party.start(prompt="login")
    assert page.page.get("input", name="username").attributes["value"] == party.person.username
    answer = await party.sign_in(page, other)

    seen, answer = await walk(party, answer)
    assert seen == ([] if same else [CONSENT])
    assert response_of(answer, CALLBACK).code
