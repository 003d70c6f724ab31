"""Security 37: every form counts once it is known to come from our page, in this browser, for this very step."""

import secrets

import pytest

from support.administration import CALLBACK
from support.browser import FORM, form_of
from support.front_channel import require_shown, response_of
from support.relying_party import RelyingParty
from support.steps import FORMS, STEPS, filled, reach, token_of
from support.systems import MakeParty

REFUSED = "We could not confirm this step"
OWN = "own"
FORGED = {
    "missing": None,
    "empty": "",
    "short": "x",
    "right length": "A" * 43,
    "not ASCII": "é" * 43,
    "long": "A" * 10_000,
}
ALLOWED = {
    "neither": {},
    "origin": {"Origin": OWN},
    "site": {"Sec-Fetch-Site": "same-origin"},
    "both": {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    "null and site": {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    "null of an old Safari": {"Origin": "null"},
}
REFUSED_HEADERS = {
    "null, cross-site": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "null, same-site": {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    "null, none": {"Origin": "null", "Sec-Fetch-Site": "none"},
    "foreign": {"Origin": "https://evil.example"},
    "foreign, same-origin": {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    "own, cross-site": {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    "own, same-site": {"Origin": OWN, "Sec-Fetch-Site": "same-site"},
    "own, none": {"Origin": OWN, "Sec-Fetch-Site": "none"},
    "own, unknown": {"Origin": OWN, "Sec-Fetch-Site": "Same-Origin"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "empty": {"Origin": ""},
    "client": {"Origin": "https://client.example"},
    "same host, other port": {"Origin": "http://127.0.0.1:1"},
    "same host, no port": {"Origin": "http://127.0.0.1"},
    "with a path": {"Origin": OWN + "/"},
    "suffix": {"Origin": OWN + ".evil.example"},
    "two in one": {"Origin": OWN + " https://evil.example"},
    "list": {"Origin": OWN + ", " + OWN},
}


def headers_for(party: RelyingParty, headers: dict[str, str]) -> dict[str, str]:
    told = {name: value.replace(OWN, party.issuer, 2) if OWN in value else value for name, value in headers.items()}
    return {"Content-Type": FORM, **told}


async def require_nothing_happened(party: RelyingParty, page_url: str, signed_in: str | None) -> None:
    """The step is as open as before, and the user that was signed in still is."""
    assert (await party.browser.get(page_url)).page.find_all("form")
    assert party.browser.cookies.get("vk_session") == signed_in


@pytest.mark.requirement("security 37: a form without our token does nothing")
@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("form", FORMS)
async def test_a_form_with_a_forged_token_does_nothing(party: RelyingParty, form: str, forged: str) -> None:
    page = await reach(party, form)
    signed_in = party.browser.cookies.get("vk_session")

    answer = await party.browser.post(form_of(page).action, filled(party, page, form, csrf_token=FORGED[forged]))

    if form == "logout" and not FORGED[forged]:
        # Without a token it is what any client may send, which asks.
        assert answer.page.find_all("form")
    else:
        assert require_shown(answer, 403) == REFUSED
    await require_nothing_happened(party, page.url, signed_in)


@pytest.mark.requirement("security 37: the token is bound to one request, one step and one browser")
@pytest.mark.parametrize("form", FORMS)
async def test_a_token_from_elsewhere_does_nothing(make_party: MakeParty, form: str) -> None:
    party = await make_party()
    other = await make_party(party.client, party.person)
    others = {
        "another browser, same user": token_of(await reach(other, form)),
        **{f"another request, {other}": token_of(await reach(party, other)) for other in STEPS},
        "a tampered one": "",
    }
    page = await reach(party, form)
    others["a tampered one"] = ("A" if token_of(page)[0] != "A" else "B") + token_of(page)[1:]
    signed_in = party.browser.cookies.get("vk_session")

    for token in others.values():
        answer = await party.browser.post(form_of(page).action, filled(party, page, form, csrf_token=token))

        assert require_shown(answer, 403) == REFUSED
        await require_nothing_happened(party, page.url, signed_in)


@pytest.mark.requirement("security 37: the token alone is not enough, the browser must be the one that was shown it")
@pytest.mark.parametrize("form", STEPS)
async def test_a_whole_form_sent_from_another_browser_does_nothing(make_party: MakeParty, form: str) -> None:
    party = await make_party()
    other = await make_party(party.client, party.person)
    page = await reach(party, form)
    await other.authorize()

    answer = await other.browser.post(form_of(page).action, filled(party, page, form))

    assert require_shown(answer, 410) == "This sign-in has expired"


@pytest.mark.requirement("security 37: a logout form shown to one browser does not sign another out")
async def test_a_logout_form_from_another_browser_does_nothing(make_party: MakeParty) -> None:
    party = await make_party()
    other = await make_party(party.client, party.person)
    page = await reach(party, "logout")
    await reach(other, "logout")
    signed_in = other.browser.cookies["vk_session"]

    answer = await other.browser.post(form_of(page).action, filled(party, page, "logout"))

    assert require_shown(answer, 403) == REFUSED
    assert other.browser.cookies["vk_session"] == signed_in


@pytest.mark.requirement("security 37: Origin and Sec-Fetch-Site are checked on every POST")
@pytest.mark.parametrize("headers", REFUSED_HEADERS)
@pytest.mark.parametrize("form", FORMS)
async def test_a_form_from_another_origin_does_nothing(party: RelyingParty, form: str, headers: str) -> None:
    page = await reach(party, form)
    signed_in = party.browser.cookies.get("vk_session")
    body = "&".join(f"{name}={value}" for name, value in filled(party, page, form))

    answer = await party.browser.request(
        "POST",
        form_of(page).action,
        headers=headers_for(party, REFUSED_HEADERS[headers]),
        body=body.replace(" ", "+").encode(),
    )

    assert require_shown(answer, 403) == REFUSED
    await require_nothing_happened(party, page.url, signed_in)


@pytest.mark.requirement("security 37: our own pages are let through, with whatever headers browsers send")
@pytest.mark.parametrize("headers", ALLOWED)
@pytest.mark.parametrize("form", FORMS)
async def test_our_own_form_counts(party: RelyingParty, form: str, headers: str) -> None:
    page = await reach(party, form)
    body = "&".join(f"{name}={value}" for name, value in filled(party, page, form))

    answer = await party.browser.request(
        "POST",
        form_of(page).action,
        headers=headers_for(party, ALLOWED[headers]),
        body=body.replace(" ", "+").encode(),
    )

    if form == "logout":
        assert "vk_session" not in party.browser.cookies
    else:
        assert answer.status == 303
        assert response_of(await party.walk(await party.browser.follow(answer, within=party.issuer)), CALLBACK).code


@pytest.mark.requirement("security 37: opening a step by GET never decides anything")
@pytest.mark.parametrize("form", FORMS)
async def test_the_same_fields_in_a_query_decide_nothing(party: RelyingParty, form: str) -> None:
    page = await reach(party, form)
    signed_in = party.browser.cookies.get("vk_session")

    answer = await party.browser.get(form_of(page).action, filled(party, page, form))

    assert answer.status == 200
    assert answer.page.find_all("form")
    await require_nothing_happened(party, page.url, signed_in)


@pytest.mark.requirement("security 37: a link to /authorize signs no other user in")
async def test_a_login_page_sent_to_a_victim_signs_the_victim_in_nowhere(make_party: MakeParty) -> None:
    attacker, victim = await make_party(), await make_party()
    page = await attacker.start()
    await victim.start()
    bound = dict(victim.browser.cookies)

    answer = await victim.browser.post(form_of(page).action, filled(attacker, page, "login"))
    planted = await victim.browser.get(f"{page.url}&{secrets.token_hex(4)}=1")

    assert require_shown(answer, 410) == require_shown(planted, 410)
    assert victim.browser.cookies == bound
