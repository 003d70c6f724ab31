"""OAuth 2.0 Form Post Response Mode §2: the answer as a form that posts itself, and that a person can post."""

import pytest

from support.administration import CALLBACK, Administration
from support.browser import Answer, form_of
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.steps import reach
from support.systems import MakeParty

TOLD = "Back to Web application"


async def code_page(party: RelyingParty, **changes: str | None) -> Answer:
    await party.authorize()
    return await party.start(response_mode="form_post", **changes)


@pytest.mark.requirement("Form Post Response Mode §2: parameters as hidden fields of a form that is posted at once")
@pytest.mark.parametrize("outcome", ["code", "error"])
async def test_the_answer_is_a_form_of_hidden_fields(party: RelyingParty, outcome: str) -> None:
    page = await code_page(party, state="s", **({} if outcome == "code" else {"scope": "nosuch"}))

    form = page.page.get("form")
    expected = {"code", "state", "iss"} if outcome == "code" else {"error", "error_description", "state", "iss"}
    assert (page.status, heading(page)) == (200, TOLD)
    assert form.attributes == {"class": "late", "method": "post", "action": CALLBACK}
    assert {field.attributes["name"] for field in form.find_all("input")} == expected
    assert {field.attributes["type"] for field in form.find_all("input")} == {"hidden"}
    (button,) = form.find_all("button")
    assert button.attributes["type"] == "submit"
    assert "name" not in button.attributes


@pytest.mark.requirement("Form Post Response Mode §2: one script of our own, which posts the first form")
async def test_the_script_is_a_file_of_ours_that_posts_the_form(party: RelyingParty) -> None:
    page = await code_page(party)

    (script,) = page.page.find_all("script")
    source = await party.browser.get(f"{party.issuer}{script.attributes['src']}")
    assert (source.status, source.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "document.forms[0]" in source.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.requirement("security 9: the policy of the page that posts is the same for every client")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://client.example/callback",
        "http://127.0.0.1:8000/callback",
        "http://[::1]:8000/callback",
        "com.example.app:/callback",
        "https://client.example/callback?a=';script-src%20*",
    ],
)
async def test_the_policy_lets_the_form_through(
    make_party: MakeParty, administration: Administration, redirect_uri: str
) -> None:
    party = await make_party(await administration.create_web_client(redirect_uris=(redirect_uri,)))

    page = await party.walk(await party.start(response_mode="form_post"))

    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert "form-action" not in policy
    assert policy["script-src"] == "'self'"
    assert response_of(page, redirect_uri).code


@pytest.mark.requirement("Form Post Response Mode §2: the answer is not in an address")
@pytest.mark.parametrize("outcome", ["code", "login_required", "access_denied"])
async def test_nothing_of_the_answer_is_in_a_header(make_party: MakeParty, outcome: str) -> None:
    party = await make_party()
    if outcome == "code":
        page = await code_page(party, state="canary-state")
    elif outcome == "login_required":
        page = await party.start(response_mode="form_post", prompt="none", state="canary-state")
    else:
        consent = await reach(party, "consent", response_mode="form_post", state="canary-state")
        page = await party.browser.submit(consent, action="deny")

    response = response_of(page, CALLBACK)
    assert (response.response_mode, response.params["state"]) == ("form_post", "canary-state")
    assert "canary-state" not in str(page.headers)
    assert outcome != "code" or response.code not in str(page.headers)
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("Form Post Response Mode §2: the code of a form is as good as one of a query")
async def test_a_posted_code_can_be_redeemed_once(party: RelyingParty) -> None:
    verifier = "v" * 43
    await party.authorize()
    pairs = party.request_params(verifier, response_mode="form_post")
    code = response_of(await party.browser.get(f"{party.issuer}/authorize", pairs), CALLBACK).code

    replies = [
        await party.token("authorization_code", code=code, code_verifier=verifier, redirect_uri=CALLBACK)
        for _ in range(2)
    ]

    assert [reply.status for reply in replies] == [200, 400]


@pytest.mark.requirement("security 11: a form_post answer is given once")
async def test_reloading_the_page_does_not_give_the_answer_again(party: RelyingParty) -> None:
    consent = await reach(party, "consent", response_mode="form_post")
    pairs = form_of(consent).filled({"action": "allow"})
    first = await party.browser.post(form_of(consent).action, pairs)

    again = await party.browser.post(form_of(consent).action, pairs)

    assert response_of(first, CALLBACK).code
    assert again.status == 410
