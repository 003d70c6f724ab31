"""Security 6 and 7: nothing that an attacker writes decides where a browser goes, and it goes there by 303."""

import secrets
from urllib.parse import urlsplit

import pytest

from support.administration import SIGNED_OUT
from support.browser import Answer, form_of
from support.front_channel import require_shown
from support.public_routes import PAGE_PATHS
from support.relying_party import RelyingParty
from support.steps import STEPS, filled, reach

ELSEWHERE = (
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2f/evil.example",
    "/%09/evil.example",
    "///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://client.example/signed-out/../evil",
    "https://client.example/signed-out?next=https://evil.example",
    "https://client.example/signed-out#x",
    "https://client.example:8443/signed-out",
    "http://client.example/signed-out",
    "HTTPS://CLIENT.example/signed-out",
    "https://client.example/callback",
    "https://client.example@evil.example/signed-out",
    "/login",
    "signed-out",
)
NAMES = (
    "return_to", "redirect", "redirect_uri", "redirect_url", "url", "next", "continue", "target", "goto", "service",
    "post_logout_redirect_uri", "post_logout_redirect_url", "RelayState", "rd", "from", "client_uri", "target_link_uri",
)  # fmt: skip
PATHS = (
    "//evil.example",
    "//evil.example/authorize",
    "/\\evil.example",
    "/%5cevil.example",
    "/%2f%2fevil.example",
    "/login//evil.example",
    "//evil.example/%2e%2e",
    "/.evil.example",
    "/login;@evil.example",
    "/static/%2f%2fevil.example",
)


def require_at_home(party: RelyingParty, answer: Answer) -> None:
    """Neither a header nor a form nor a link leads away from the issuer and the client's own address."""
    if answer.is_redirect:
        assert answer.location.startswith((f"{party.issuer}/", party.client.redirect_uri)), answer.location
        return
    targets = [form.attributes["action"] for form in answer.page.find_all("form")]
    targets += [link.attributes["href"] for link in answer.page.find_all("a")]
    assert all(not urlsplit(target).netloc and target[:1] in "/#" and target[:2] != "//" for target in targets), targets


@pytest.mark.requirement("security 6: logout never redirects to an unregistered URI")
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("uri", ELSEWHERE, ids=range(len(ELSEWHERE)))
async def test_logging_out_leads_to_registered_addresses_only(party: RelyingParty, uri: str, signed_in: bool) -> None:
    hint = (await party.log_in()).body["id_token"]
    if not signed_in:
        party.browser.cookies.clear()
    asked = {
        "alone": [],
        "with client_id": [("client_id", party.client.client_id)],
        "with hint": [("id_token_hint", hint)],
        "with both": [("client_id", party.client.client_id), ("id_token_hint", hint)],
    }

    for pairs in asked.values():
        given = [*pairs, ("post_logout_redirect_uri", uri), ("state", "s")]
        by_get = await party.browser.get(f"{party.issuer}/logout", given)
        by_post = await party.browser.follow(
            await party.browser.post(f"{party.issuer}/logout", given), within=party.issuer
        )

        assert require_shown(by_get) == require_shown(by_post) == "This request did not work"
        assert ("vk_session" in party.browser.cookies) is signed_in


@pytest.mark.requirement("security 6: no open redirect at any endpoint, whatever a parameter is called")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("endpoint", PAGE_PATHS)
async def test_no_parameter_leads_elsewhere(party: RelyingParty, endpoint: str, name: str) -> None:
    page = await party.start()
    interaction = dict(form_of(page).fields)["interaction"]

    for uri in ("https://evil.example/", "//evil.example"):
        pairs = [*party.request_params("v" * 43), ("interaction", interaction), (name, uri)]
        require_at_home(party, await party.browser.get(f"{party.issuer}{endpoint}", pairs))
        require_at_home(party, await party.browser.post(f"{party.issuer}{endpoint}", pairs))


@pytest.mark.requirement("security 6: a finished step goes where the stored request says")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", STEPS)
async def test_a_form_with_an_address_added_goes_where_it_would_have_gone(
    party: RelyingParty, step: str, name: str
) -> None:
    page = await reach(party, step)

    pairs = [*filled(party, page, step), (name, "https://evil.example/")]
    answer = await party.browser.post(f"{form_of(page).action}?{name}=https://evil.example/", pairs)

    assert answer.status == 303
    require_at_home(party, answer)


@pytest.mark.requirement("security 6: no path leads elsewhere")
@pytest.mark.parametrize("path", PATHS)
async def test_no_path_leads_elsewhere(party: RelyingParty, path: str) -> None:
    answer = await party.browser.get(f"{party.issuer}{path}")

    assert require_shown(answer, 404) == "There is nothing here"


@pytest.mark.requirement("security 7: 303 after every POST, never 307 or 308")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
async def test_whatever_follows_a_form_is_asked_for_by_get(party: RelyingParty, step: str, mode: str) -> None:
    answer = await reach(party, step, response_mode=mode)
    statuses = []

    for _ in range(6):
        if answer.status == 200 and answer.page.get("form").attributes["method"] == "post":
            names = {name for name, _ in form_of(answer).fields}
            if "code" in names:
                break
            inputs = {field.attributes.get("name") for field in answer.page.find_all("input")}
            form = "login" if "password" in inputs else "consent" if "Allow" in answer.page.text else "select_account"
            answer = await party.browser.post(form_of(answer).action, filled(party, answer, form))
            statuses.append(answer.status)
        elif answer.location.startswith(party.issuer):
            answer = await party.browser.get(answer.location)
        else:
            break

    assert statuses
    assert set(statuses[:-1]) <= {303}
    assert statuses[-1] == (200 if mode == "form_post" else 303)


@pytest.mark.requirement("security 7: a posted request is answered by 303 as well")
async def test_a_posted_request_is_answered_by_303(party: RelyingParty) -> None:
    pairs = party.request_params(secrets.token_urlsafe(48))
    elsewhere = await party.browser.post(f"{party.issuer}/authorize", pairs, origin="https://client.example")
    await party.authorize()
    kept = dict(party.browser.cookies)

    at_home = await party.browser.post(f"{party.issuer}/authorize", pairs)
    refused = await party.browser.post(f"{party.issuer}/authorize", [*pairs, ("max_age", "x")])
    party.browser.cookies.clear()
    logout = await party.browser.post(f"{party.issuer}/logout", [("state", "s")])
    party.browser.cookies = kept
    signed_out = await party.browser.submit(
        await party.browser.get(
            f"{party.issuer}/logout",
            [("client_id", party.client.client_id), ("post_logout_redirect_uri", SIGNED_OUT)],
        ),
        action="logout",
    )

    answers = (elsewhere, at_home, refused, logout, signed_out)
    assert [answer.status for answer in answers] == [303] * 5
    assert signed_out.location == SIGNED_OUT
