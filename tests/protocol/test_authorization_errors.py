"""OAuth 2.1 §4.1.2.1, OIDC Core §3.1.2.6: once the redirect URI is trusted, every refusal goes to the client."""

import json
import re
import secrets
from urllib.parse import quote

import pytest

from support.administration import CALLBACK, Administration
from support.front_channel import AuthorizationResponse, heading, require_shown, response_of
from support.relying_party import RelyingParty
from support.systems import MakeParty

Changes = dict[str, str | None]
HUGE = "9" * 5000


def acr_claim(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


# What was asked, and the registered code that answers it.
FAULTS: dict[str, tuple[str, Changes]] = {
    "response_type missing": ("invalid_request", {"response_type": None}),
    "response_type empty": ("invalid_request", {"response_type": ""}),
    "response_type token": ("unsupported_response_type", {"response_type": "token"}),
    "response_type id_token": ("unsupported_response_type", {"response_type": "id_token"}),
    "response_type id_token token": ("unsupported_response_type", {"response_type": "id_token token"}),
    "response_type code token": ("unsupported_response_type", {"response_type": "code token"}),
    "response_type code id_token": ("unsupported_response_type", {"response_type": "code id_token"}),
    "response_type none": ("unsupported_response_type", {"response_type": "none"}),
    "response_type Code": ("unsupported_response_type", {"response_type": "Code"}),
    "response_type code with a space": ("unsupported_response_type", {"response_type": "code "}),
    "response_mode fragment.jwt": ("invalid_request", {"response_mode": "fragment.jwt"}),
    "response_mode web_message": ("invalid_request", {"response_mode": "web_message"}),
    "response_mode query.jwt": ("invalid_request", {"response_mode": "query.jwt"}),
    "response_mode Query": ("invalid_request", {"response_mode": "Query"}),
    "no challenge": ("invalid_request", {"code_challenge": None}),
    "no challenge and no method": ("invalid_request", {"code_challenge": None, "code_challenge_method": None}),
    "no method": ("invalid_request", {"code_challenge_method": None}),
    "method plain": ("invalid_request", {"code_challenge_method": "plain"}),
    "method s256": ("invalid_request", {"code_challenge_method": "s256"}),
    "method S512": ("invalid_request", {"code_challenge_method": "S512"}),
    "challenge too short": ("invalid_request", {"code_challenge": "a" * 42}),
    "challenge too long": ("invalid_request", {"code_challenge": "a" * 44}),
    "challenge padded": ("invalid_request", {"code_challenge": "a" * 42 + "="}),
    "challenge in another alphabet": ("invalid_request", {"code_challenge": "a" * 42 + "+"}),
    "challenge with a line break": ("invalid_request", {"code_challenge": "a" * 43 + "\n"}),
    "scope unknown": ("invalid_scope", {"scope": "profile nosuch"}),
    "unregistered scope": ("invalid_scope", {"scope": "nosuch"}),
    "scope not registered for the client": ("invalid_scope", {"scope": "other:read openid"}),
    "scope in other case": ("invalid_scope", {"scope": "OpenID"}),
    "scope with a quote": ("invalid_scope", {"scope": 'openid "'}),
    "scope with a backslash": ("invalid_scope", {"scope": "openid \\"}),
    "scope with a tab": ("invalid_scope", {"scope": "openid\tprofile"}),
    "scope with a no-break space": ("invalid_scope", {"scope": "openid\u00a0profile"}),
    "scope with many names": ("invalid_scope", {"scope": " ".join(f"s{n}" for n in range(65))}),
    "scope too long": ("invalid_scope", {"scope": "s" * 2049}),
    "resource malformed": ("invalid_target", {"resource": "not a uri"}),
    "resource relative": ("invalid_target", {"resource": "/api"}),
    "resource with a fragment": ("invalid_target", {"resource": "https://api.example/#x"}),
    "resource unknown": ("invalid_target", {"resource": "https://nosuch.example/"}),
    "resource not registered for the client": ("invalid_target", {"resource": "https://other.example/"}),
    "request": ("request_not_supported", {"request": "eyJhbGciOiJub25lIn0.e30."}),
    "request_uri": ("request_uri_not_supported", {"request_uri": "https://client.example/r.jwt"}),
    "request_uri pushed": ("request_uri_not_supported", {"request_uri": "urn:ietf:params:oauth:request_uri:x"}),
    "prompt unknown": ("invalid_request", {"prompt": "surprise"}),
    "prompt none login": ("invalid_request", {"prompt": "none login"}),
    "prompt none consent": ("invalid_request", {"prompt": "consent none"}),
    "prompt none select_account": ("invalid_request", {"prompt": "none select_account"}),
    "prompt in other case": ("invalid_request", {"prompt": "Login"}),
    "prompt with a tab": ("invalid_request", {"prompt": "login\tconsent"}),
    "max_age negative": ("invalid_request", {"max_age": "-1"}),
    "max_age signed": ("invalid_request", {"max_age": "+1"}),
    "max_age a fraction": ("invalid_request", {"max_age": "1.5"}),
    "max_age a word": ("invalid_request", {"max_age": "soon"}),
    "max_age in other digits": ("invalid_request", {"max_age": "\u0661"}),
    "max_age hexadecimal": ("invalid_request", {"max_age": "0x10"}),
    "max_age beyond reason": ("invalid_request", {"max_age": "9999999999"}),
    "max_age huge": ("invalid_request", {"max_age": HUGE}),
    "nonce too long": ("invalid_request", {"nonce": "n" * 513}),
    "claims not JSON": ("invalid_request", {"claims": "{"}),
    "claims a list": ("invalid_request", {"claims": "[]"}),
    "claims null": ("invalid_request", {"claims": "null"}),
    "claims a string": ("invalid_request", {"claims": '"name"'}),
    "claims member a list": ("invalid_request", {"claims": '{"userinfo":["name"]}'}),
    "claims value a string": ("invalid_request", {"claims": '{"id_token":{"name":"yes"}}'}),
    "claims deep": ("invalid_request", {"claims": "[" * 4000}),
    "claims number": ("invalid_request", {"claims": HUGE[:4000]}),
    "claims too long": ("invalid_request", {"claims": '{"userinfo":{}}' + " " * 4096}),
    "claims sub a surrogate": ("invalid_request", {"claims": '{"id_token":{"sub":{"value":"\\ud800"}}}'}),
    "claims acr a surrogate": ("invalid_request", {"claims": acr_claim("urn:valetkey:acr:password", "\ud800")}),
    "claims sub a number": ("invalid_request", {"claims": '{"id_token":{"sub":{"value":1}}}'}),
    "essential acr unknown": (
        "unmet_authentication_requirements",
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}'},
    ),
    "id_token_hint garbage": ("invalid_request", {"id_token_hint": "x.y.z"}),
    "id_token_hint not ASCII": ("invalid_request", {"id_token_hint": "\u00e9"}),
    "state not ASCII": ("invalid_request", {"state": "\u00e9"}),
    "state with a line break": ("invalid_request", {"state": "a\r\nb"}),
    "login_hint too long": ("invalid_request", {"login_hint": "a" * 8193}),
    "login_hint too long in bytes": ("invalid_request", {"login_hint": "\u00e9" * 4097}),
    "prompt too long": ("invalid_request", {"prompt": "login " * 20}),
    "max_age too long": ("invalid_request", {"max_age": "0" * 11}),
    "resource too long": ("invalid_target", {"resource": f"https://api.example/{'a' * 500}"}),
    "claims sub too long": ("invalid_request", {"claims": '{"id_token":{"sub":{"value":"%s"}}}' % ("s" * 256)}),
    "state too long": ("invalid_request", {"state": "s" * 4097}),
}  # fmt: skip
MODES: list[Changes] = [{"response_mode": mode} for mode in ("query", "fragment", "form_post")]
# Where a client looks that names no mode.
DEFAULT_MODES = {
    "code": "query",
    "none": "query",
    "nosuch": "query",
    "tokens": "query",
    "token": "fragment",
    "id_token": "fragment",
    "id_token token": "fragment",
    "code token": "fragment",
    "code id_token": "fragment",
    "code id_token token": "fragment",
}
CONSENT = "Web application asks for access to your account"
PROMPT_NONE: Changes = {"prompt": "none"}


async def ask(party: RelyingParty, method: str, **changes: str | None) -> AuthorizationResponse:
    pairs = party.request_params(secrets.token_urlsafe(48), **changes)
    send = party.browser.post if method == "POST" else party.browser.get
    answer = await send(f"{party.issuer}/authorize", pairs)
    return response_of(await party.browser.follow(answer, within=f"{party.issuer}/authorize?"), CALLBACK)


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: refusals go to the client with a registered code, state and iss")
@pytest.mark.requirement("security 5: state echoed exactly and iss on errors too")
@pytest.mark.parametrize("client_type", ["client_secret_basic", "none"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refusal_reaches_the_client_in_every_mode(make_party: MakeParty, fault: str, client_type: str) -> None:
    party = await make_party(method=client_type)
    error, changes = FAULTS[fault]
    # What no line of a request can hold is posted.
    methods = ["POST"] if len(quote(str(changes))) > 6000 else ["GET", "POST"]
    modes: list[Changes] = [{}] if "response_mode" in changes else MODES

    for method in methods:
        for mode in modes:
            response = await ask(party, method, **{"state": "a b+c%", **mode, **changes})

            assert response.error == error
            assert response.response_mode == mode.get("response_mode", "query")
            assert response.params.get("state") == (None if "state" in changes else "a b+c%")
            assert response.params["iss"] == party.issuer
            assert response.params.keys() <= {"error", "error_description", "state", "iss"}


@pytest.mark.requirement("OAuth 2.0 Multiple Response Types §5: a refusal goes where the client looks for its answer")
@pytest.mark.parametrize("response_type", DEFAULT_MODES)
@pytest.mark.parametrize("mode", [None, "nosuch"])
async def test_a_refusal_goes_where_the_client_looks(party: RelyingParty, response_type: str, mode: str | None) -> None:
    changes: Changes = {"response_type": response_type, "response_mode": mode, "prompt": "none"}

    response = await ask(party, "GET", **changes)

    assert response.error is not None
    assert response.response_mode == DEFAULT_MODES[response_type]


TOLD = {
    "response_type missing": "response_type is missing.",
    "response_type token": "response_type is not code.",
    "response_mode web_message": "response_mode is not supported.",
    "no challenge": "code_challenge is missing.",
    "method plain": "code_challenge_method is not S256.",
    "challenge too short": "code_challenge is not the base64url form of a SHA-256 digest.",
    "scope not registered for the client": "scope is not registered for this client.",
    "resource malformed": "resource is not an absolute URI without a fragment.",
    "prompt too long": "prompt is longer than 64 bytes.",
    "login_hint too long": "login_hint is longer than 8192 bytes.",
}


@pytest.mark.requirement("RFC 6749 §4.1.2.1: the description helps the client's developer, the reference its operator")
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode["response_mode"])
@pytest.mark.parametrize("fault", TOLD)
async def test_the_description_names_the_fault_and_has_a_reference(
    party: RelyingParty, fault: str, mode: Changes
) -> None:
    _, changes = FAULTS[fault]

    response = await ask(party, "POST", **{**mode, **changes})

    assert response.response_mode == ("query" if "response_mode" in changes else mode["response_mode"])

    told, _, reference = response.params["error_description"].partition(" Reference: ")
    assert told == TOLD[fault]
    assert re.fullmatch(r"[0-9a-f]{32}", reference)


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: what cannot be told to the client is told on the page, for its developer")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri is not registered for this client."),
        ({"client_id": None}, "client_id is missing."),
        ({"client_id": "nobody"}, "client_id is unknown or disabled."),
    ],
)
async def test_a_page_names_the_fault_for_the_developer(party: RelyingParty, changes: Changes, told: str) -> None:
    page = await party.start(**changes)

    (details,) = page.page.find_all("details")
    assert require_shown(page) == "This request did not work"
    assert told in details.text


@pytest.mark.parametrize(("uri", "links"), [("https://client.example/start", 1), (None, 0)])
@pytest.mark.parametrize("where", ["the request", "a form"])
async def test_a_page_of_a_failure_leads_back_to_the_application(
    make_party: MakeParty, administration: Administration, uri: str | None, links: int, where: str
) -> None:
    party = await make_party(await administration.create_web_client(client_uri=uri))

    if where == "the request":
        page = await party.start(redirect_uri="https://evil.example/")
    else:
        page = await party.browser.submit(await party.start(), csrf_token="x")

    found = [link for link in page.page.find_all("a") if link.attributes["href"] == uri]
    assert page.status == (400 if where == "the request" else 403)
    assert len(found) == links
    assert all("Go back to Web application" in link.text for link in found)


@pytest.mark.requirement("security 10: our own error text stays in the set of RFC 6749 Appendix A")
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_description_is_fixed_text_and_repeats_nothing(party: RelyingParty, fault: str) -> None:
    canary = f"canary{secrets.token_hex(4)}"
    _, changes = FAULTS[fault]
    marked = {name: f"{value}{canary}" if value else value for name, value in changes.items()}

    response = await ask(party, "POST", **marked)

    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", response.params["error_description"])
    assert canary not in str(response.params)


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: every refusal comes before any page")
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refusal_does_not_depend_on_who_is_signed_in(party: RelyingParty, fault: str) -> None:
    await party.authorize()
    error, changes = FAULTS[fault]

    response = await ask(party, "POST", **changes)

    assert response.error == error


@pytest.mark.requirement("RFC 6749 §3.1: parameters must not be repeated")
@pytest.mark.parametrize(
    "name",
    [
        "response_type", "scope", "state", "code_challenge", "code_challenge_method", "response_mode", "nonce",
        "prompt", "max_age", "login_hint", "id_token_hint", "claims", "acr_values", "display", "ui_locales", "foo",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_repeated_parameter_is_refused_at_the_client(party: RelyingParty, name: str, method: str) -> None:
    pairs = party.request_params("v" * 43, state="s")
    value = dict(pairs).get(name, "query")
    once = [pair for pair in pairs if pair[0] != name]
    send = party.browser.post if method == "POST" else party.browser.get

    response = response_of(await send(f"{party.issuer}/authorize", [*once, (name, value), (name, value)]), CALLBACK)

    assert response.error == "invalid_request"
    assert response.params.get("state") == (None if name == "state" else "s")
    assert response.params["iss"] == party.issuer


@pytest.mark.requirement("RFC 6749 §3.1: parameters without a value count as omitted, unknown ones are ignored")
async def test_empty_and_unknown_parameters_change_nothing(party: RelyingParty) -> None:
    empty = dict.fromkeys(("prompt", "max_age", "nonce", "claims", "resource", "id_token_hint", "response_mode"), "")
    unknown = {"display": "page", "claims_locales": "de", "foo": "bar", "password": "secret"}

    answer = await party.start(**empty, **unknown)

    assert heading(answer) == "Sign in"


@pytest.mark.requirement("OAuth 2.1 §4.1: only clients registered for the grant may use it")
@pytest.mark.parametrize(
    "grants", [(), ("refresh_token",), ("client_credentials",)], ids=["none", "refresh", "machine"]
)
async def test_a_client_without_the_grant_is_told_so(
    make_party: MakeParty, administration: Administration, grants: tuple[str, ...]
) -> None:
    party = await make_party(await administration.create_web_client(grants=grants))

    for changes in ({}, PROMPT_NONE):
        response = await ask(party, "GET", **changes)

        assert response.error == "unauthorized_client"


@pytest.mark.requirement("RFC 6749 §3.3: without a scope a registered default, or invalid_scope")
async def test_a_request_without_scope_means_what_the_client_registered(
    make_party: MakeParty, administration: Administration
) -> None:
    some = await make_party(await administration.create_web_client(scope=("profile", "api:read")))
    none = await make_party(await administration.create_web_client(scope=()))

    tokens = await some.log_in(scope=None)
    refused = await ask(none, "GET", scope=None)

    assert tokens.body["scope"] == "profile api:read"
    assert refused.error == "invalid_scope"


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: access_denied where the user says no")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("client_type", ["client_secret_basic", "none"])
@pytest.mark.parametrize("step", ["login", "consent"])
async def test_a_user_who_says_no_is_believed(make_party: MakeParty, step: str, client_type: str, mode: str) -> None:
    party = await make_party(method=client_type)
    page = await party.start(state="s", response_mode=mode)

    if step == "login":
        answer = await party.browser.submit(page, action="cancel")
    else:
        answer = await party.browser.submit(await party.sign_in(page), action="deny")

    response = response_of(answer, CALLBACK)
    assert response.response_mode == mode
    assert (response.error, response.params["state"], response.params["iss"]) == ("access_denied", "s", party.issuer)
    assert heading(await party.start()) == (
        "Sign in" if step == "login" else "Web application asks for access to your account"
    )
