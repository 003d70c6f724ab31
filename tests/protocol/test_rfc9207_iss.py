"""RFC 9207 and security 5: every authorization response says who sent it and to which request it answers."""

import pytest

from support.administration import CALLBACK
from support.front_channel import AuthorizationResponse, response_of
from support.relying_party import RelyingParty
from support.systems import MakeParty

MODES = ("query", "fragment", "form_post")
STATES = {
    "plain": "xyz",
    "printable": "".join(map(chr, range(0x20, 0x7F))),
    "looks encoded": "%20+%2B%252B",
    "looks like a response": "a&code=evil&iss=https://evil.example&state=b",
    "looks like markup": '"><script>alert(1)</script>',
    "looks like JSON": '{"next":"https://evil.example/"}',
    "looks like a template": "{{7*7}}{% x %}${7*7}",
    "spaces around": " a ",
    "one space": " ",
    "long": "s" * 4096,
}


async def every_response(party: RelyingParty, state: str | None, mode: str) -> dict[str, AuthorizationResponse]:
    """The answers that the same client gets to one request, from refusal to code."""
    changes = {"state": state, "response_mode": mode}
    answers = {
        "refused": await party.start(**changes, scope="nosuch"),
        "signed out": await party.start(**changes, prompt="none"),
        "cancelled": await party.browser.submit(await party.start(**changes), action="cancel"),
        "denied": await party.browser.submit(await party.sign_in(await party.start(**changes)), action="deny"),
        "no consent": await party.start(**changes, prompt="none"),
        "code": await party.walk(await party.start(**changes)),
        "code at once": await party.start(**changes),
    }
    return {name: response_of(answer, CALLBACK) for name, answer in answers.items()}


@pytest.mark.requirement("RFC 9207 §2: iss on success and error, equal to the issuer of the metadata")
@pytest.mark.parametrize("mode", MODES)
async def test_every_response_names_the_issuer_of_the_metadata(party: RelyingParty, mode: str) -> None:
    metadata = await party.get_json("/.well-known/oauth-authorization-server")

    responses = await every_response(party, "s", mode)

    assert {response.params["iss"] for response in responses.values()} == {metadata.body["issuer"]}
    assert metadata.body["authorization_response_iss_parameter_supported"] is True
    assert {name: response.error for name, response in responses.items()} == {
        "refused": "invalid_scope",
        "signed out": "login_required",
        "cancelled": "access_denied",
        "denied": "access_denied",
        "no consent": "consent_required",
        "code": None,
        "code at once": None,
    }


@pytest.mark.requirement("security 5: state is echoed exactly, on errors too")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", STATES)
async def test_state_comes_back_to_the_letter(party: RelyingParty, state: str, mode: str) -> None:
    responses = await every_response(party, STATES[state], mode)

    assert {response.params["state"] for response in responses.values()} == {STATES[state]}
    assert {response.response_mode for response in responses.values()} == {mode}


@pytest.mark.requirement("OAuth 2.1 §4.1.2: no state where none was sent")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", [None, ""], ids=["absent", "empty"])
async def test_no_state_comes_back_where_none_was_sent(party: RelyingParty, state: str | None, mode: str) -> None:
    responses = await every_response(party, state, mode)

    assert not any("state" in response.params for response in responses.values())
    assert responses["code"].params.keys() == {"code", "iss"}


@pytest.mark.requirement("security 48: Host and forwarded headers never reach the issuer")
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Original-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Rewrite-URL": "/evil"},
    ],
    ids=["Host", "X-Forwarded", "Forwarded", "others"],
)
async def test_no_header_changes_what_an_answer_says(
    make_party: MakeParty, authorize_url: str, headers: dict[str, str]
) -> None:
    party = await make_party()
    target = f"{authorize_url}/authorize?{'&'.join(f'{n}={v}' for n, v in party.request_params('v' * 43))}"

    page = await party.browser.request("GET", target, headers=headers)
    refusal = await party.browser.request("GET", f"{target}&prompt=none", headers=headers)

    assert page.status == 303
    assert page.headers["Location"].startswith("/login?interaction=")
    assert response_of(refusal, CALLBACK).params["iss"] == party.issuer
    assert "evil" not in str(page.headers) + str(refusal.headers)
