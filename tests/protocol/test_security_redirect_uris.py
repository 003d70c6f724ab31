"""Security 1-4: an answer goes to a registered redirect URI, and whatever goes wrong before that is shown here."""

import secrets

import pytest

from support.administration import CALLBACK, Administration
from support.front_channel import require_shown, response_of
from support.relying_party import CodeResponse, RelyingParty
from support.systems import MakeParty

ELSEWHERE = (
    "https://client.example/callback/",
    "https://client.example/callback/../evil",
    "https://client.example/callback/%2e%2e/evil",
    "https://client.example/Callback",
    "https://client.example/callback?",
    "https://client.example/callback?next=1",
    "https://client.example/callback#",
    "https://client.example/callback#code",
    "https://client.example/callback;x",
    "https://client.example/callbac",
    "https://client.example/callbackk",
    "https://client.example",
    "https://client.example/",
    "https://client.example:443/callback",
    "https://client.example:8443/callback",
    "https://CLIENT.example/callback",
    "HTTPS://client.example/callback",
    "http://client.example/callback",
    "https://client.example./callback",
    "https://client.example.evil.example/callback",
    "https://evil.example/callback",
    "https://evil.example/https://client.example/callback",
    "https://client.example@evil.example/callback",
    "https://evil.example\\@client.example/callback",
    "https://user:password@client.example/callback",
    "//client.example/callback",
    "/callback",
    "callback",
    "https:client.example/callback",
    "https:///client.example/callback",
    "https://client.example//callback",
    " https://client.example/callback",
    "https://client.example/callback ",
    "https://client.example/callback\t",
    "https://client.example/callback\r\nSet-Cookie: a=b",
    "https://client.example/callback\u202e",
    "https://cli\u0435nt.example/callback",
    "https://client.example/%63allback",
    "https://*.example/callback",
    "https://[::1]/callback",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://client.example/callback",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4",
    "vbscript:msgbox(1)",
    "VbScript:x",
    "file:///etc/passwd",
    "blob:https://client.example/1",
    "about:blank",
    "x" * 4000,
)

# Every reason for which an answer goes back to a client whose redirect URI is trusted.
FAULTS: dict[str, dict[str, str | None]] = {
    "none": {},
    "prompt=none": {"prompt": "none"},
    "prompt=none login": {"prompt": "none login"},
    "response_type=token": {"response_type": "token"},
    "response_type missing": {"response_type": None},
    "unknown scope": {"scope": "openid nosuch"},
    "bad scope": {"scope": 'a"b'},
    "no challenge": {"code_challenge": None},
    "plain": {"code_challenge_method": "plain"},
    "request": {"request": "eyJhbGciOiJub25lIn0.e30."},
    "request_uri": {"request_uri": "https://evil.example/request.jwt"},
    "expired request_uri": {"request_uri": "urn:ietf:params:oauth:request_uri:gone"},
    "bad max_age": {"max_age": "-1"},
    "bad claims": {"claims": "{"},
    "unmet acr": {"claims": '{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}'},
    "bad hint": {"id_token_hint": "x.y.z"},
    "bad resource": {"resource": "not a uri"},
    "bad state": {"state": "\u00e9"},
    "bad response_mode": {"response_mode": "web_message"},
}
MODES: dict[str, dict[str, str | None]] = {
    "default": {},
    "query": {"response_mode": "query"},
    "form_post": {"response_mode": "form_post"},
    "fragment": {"response_mode": "fragment"},
}
UNTRUSTED: dict[str, dict[str, str | None]] = {
    "other redirect_uri": {"redirect_uri": "https://evil.example/callback"},
    "unknown client_id": {"client_id": "unknown"},
    "no client_id": {"client_id": None},
    "empty client_id": {"client_id": ""},
}


def request(party: RelyingParty, **changes: str | None) -> list[tuple[str, str]]:
    return party.request_params(secrets.token_urlsafe(48), **changes)


@pytest.mark.requirement("security 1: exact string comparison with the registered URI")
@pytest.mark.requirement("security 2: no http, fragments, user information, control characters or script schemes")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("redirect_uri", ELSEWHERE, ids=range(len(ELSEWHERE)))
async def test_a_redirect_uri_that_is_not_registered_is_never_used(
    party: RelyingParty, redirect_uri: str, method: str
) -> None:
    pairs, endpoint = request(party, redirect_uri=redirect_uri), f"{party.issuer}/authorize"

    answer = await (party.browser.get if method == "GET" else party.browser.post)(endpoint, pairs)

    assert require_shown(answer) == "This request did not work"
    assert "evil.example" not in answer.text


@pytest.mark.requirement("security 3: no redirect when client_id or redirect_uri is bad, in every error path and mode")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("untrusted", UNTRUSTED)
async def test_nothing_is_sent_where_the_client_or_its_redirect_uri_is_bad(
    party: RelyingParty, untrusted: str, fault: str
) -> None:
    endpoint, ask = f"{party.issuer}/authorize", (party.browser.get, party.browser.post)
    requests = [request(party, **{**FAULTS[fault], **mode, **UNTRUSTED[untrusted]}) for mode in MODES.values()]

    answers = [await send(endpoint, pairs) for send in ask for pairs in requests]

    assert {require_shown(answer) for answer in answers} == {"This request did not work"}


@pytest.mark.requirement("security 3: no redirect when client_id or redirect_uri is bad, signed in or not")
@pytest.mark.parametrize("untrusted", UNTRUSTED)
@pytest.mark.parametrize("prompt", [None, "none", "login", "consent"])
async def test_being_signed_in_and_having_agreed_changes_nothing_about_it(
    party: RelyingParty, untrusted: str, prompt: str | None
) -> None:
    await party.authorize()

    answer = await party.browser.get(f"{party.issuer}/authorize", request(party, prompt=prompt, **UNTRUSTED[untrusted]))

    assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("security 3: a repeated client_id or redirect_uri is a page")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("value", ["the same", "https://evil.example/callback"])
async def test_a_repeated_client_id_or_redirect_uri_is_shown(party: RelyingParty, name: str, value: str) -> None:
    pairs = request(party)
    repeated = dict(pairs)[name] if value == "the same" else value

    answers = [
        await party.browser.get(f"{party.issuer}/authorize", [*pairs, (name, repeated)]),
        await party.browser.get(f"{party.issuer}/authorize", [(name, repeated), *pairs]),
        await party.browser.post(f"{party.issuer}/authorize", [*pairs, (name, repeated)]),
    ]

    assert [require_shown(answer) for answer in answers] == ["This request did not work"] * 3


@pytest.mark.requirement("security 3: the redirect URI of another client is not registered for this one")
async def test_the_redirect_uri_of_another_client_is_refused(
    make_party: MakeParty, administration: Administration
) -> None:
    other = await administration.create_web_client(redirect_uris=("https://another.example/callback",))
    party = await make_party()

    answer = await party.browser.get(f"{party.issuer}/authorize", request(party, redirect_uri=other.redirect_uri))

    assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("security 3: a client without redirect URIs has nowhere to be answered")
async def test_clients_that_no_user_signs_in_to_are_shown(
    make_party: MakeParty, administration: Administration, api: RelyingParty
) -> None:
    machine = await make_party(await administration.create_machine())

    answers = [await party.start(redirect_uri=uri) for party in (machine, api) for uri in (None, CALLBACK)]

    assert {require_shown(answer) for answer in answers} == {"This request did not work"}


@pytest.mark.requirement("security 3: a disabled client is a page")
async def test_a_disabled_client_is_shown(make_party: MakeParty, administration: Administration) -> None:
    party = await make_party(await administration.create_web_client(enabled=False))

    answer = await party.start()

    assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("OAuth 2.1 §4.1.1: redirect_uri may be omitted where exactly one is registered")
@pytest.mark.parametrize(("count", "is_sent"), [(1, True), (2, False), (0, False)])
async def test_a_missing_redirect_uri_is_filled_in_only_where_there_is_no_choice(
    make_party: MakeParty, administration: Administration, count: int, is_sent: bool
) -> None:
    uris = (CALLBACK, "https://client.example/other")[:count]
    party = await make_party(await administration.create_web_client(redirect_uris=uris))

    answer = await party.browser.get(f"{party.issuer}/authorize", request(party, redirect_uri=None, prompt="none"))

    if is_sent:
        assert response_of(answer, CALLBACK).error == "login_required"
    else:
        assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("security 4: a registered query is kept; one code, state and iss in the result")
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://client.example/callback?tenant=1",
        "https://client.example/callback?a=1&b=%20%26&c",
        "https://client.example/callback?a=1&a=2",
        "com.example.app:/callback?tenant=1",
    ],
    ids=["one", "escaped", "twice", "private"],
)
async def test_a_registered_query_is_kept_to_the_letter(
    make_party: MakeParty, administration: Administration, redirect_uri: str, mode: str
) -> None:
    party = await make_party(await administration.create_web_client(redirect_uris=(redirect_uri,)))

    refusal = response_of(await party.start(prompt="none", state="s", response_mode=mode), redirect_uri)
    success = response_of(await party.walk(await party.start(state="s", response_mode=mode)), redirect_uri)

    assert (refusal.response_mode, success.response_mode) == (mode, mode)
    assert refusal.params.keys() == {"error", "error_description", "state", "iss"}
    assert success.params.keys() == {"code", "state", "iss"}


@pytest.mark.requirement("security 4: of several registered URIs the one that was asked for is used")
async def test_each_of_several_redirect_uris_is_answered_at_itself(
    make_party: MakeParty, administration: Administration
) -> None:
    uris = ("https://client.example/a", "https://client.example/ab", "https://client.example/a?b")
    party = await make_party(await administration.create_web_client(redirect_uris=uris))

    for uri in uris:
        answer = await party.start(redirect_uri=uri, prompt="none")

        assert response_of(answer, uri).error == "login_required"


# What a release before this one let in, and where answers go now.
FORMERLY_REGISTERED = {
    "https://client.example/callback?c%6fde=planted": "https://client.example/callback",
    "https://client.example/callback?tenant=7&st%2561te=planted": "https://client.example/callback?tenant=7",
    "https://client.example/callback?ISS=planted;tenant=7": "https://client.example/callback?tenant=7",
    "https://client.example/callback?tenant=7;code=planted": "https://client.example/callback?tenant=7",
    "http://127.0.0.1/callback?erro%72=planted&tenant=7": "http://127.0.0.1/callback?tenant=7",
}


@pytest.mark.requirement("security 4: exactly one code, state, iss in the result, in whatever encoding")
@pytest.mark.parametrize("registered", FORMERLY_REGISTERED)
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
async def test_an_answer_has_each_parameter_once_whatever_was_registered_before(
    make_party: MakeParty, administration: Administration, registered: str, mode: str
) -> None:
    target = FORMERLY_REGISTERED[registered]
    party = await make_party(await administration.create_web_client(redirect_uris=(registered,)))
    verifier = secrets.token_urlsafe(48)

    refused = response_of(await party.start(response_mode=mode, scope="nosuch", state="s"), target)
    given = response_of(await party.walk(await party.start(verifier, response_mode=mode, state="s")), target)
    redeemed = await party.redeem(CodeResponse(given.params, verifier))

    assert set(refused.params) == {"error", "error_description", "state", "iss"}
    assert set(given.params) == {"code", "state", "iss"}
    assert given.params["state"] == "s"
    assert redeemed.status == 200


@pytest.mark.requirement("security 1: only the port of a loopback IP literal may vary")
async def test_another_port_is_as_good_as_before_where_such_a_uri_was_registered(
    make_party: MakeParty, administration: Administration
) -> None:
    registered = "http://127.0.0.1/callback?c%6fde=planted"
    party = await make_party(await administration.create_web_client("none", redirect_uris=(registered,)))

    answer = await party.start(redirect_uri=registered.replace("127.0.0.1", "127.0.0.1:5000"), prompt="none")

    assert response_of(answer, "http://127.0.0.1:5000/callback").error == "login_required"


@pytest.mark.requirement("security 4: exactly one state in the result, in whatever encoding it was registered")
@pytest.mark.parametrize("state", ["s", None])
async def test_a_logout_leads_back_with_one_state_whatever_was_registered_before(
    make_party: MakeParty, administration: Administration, state: str | None
) -> None:
    registered = "https://client.example/out?st%61te=planted&tenant=7"
    client = await administration.create_web_client(post_logout_redirect_uris=(registered,))
    party = await make_party(client)
    hint = str((await party.log_in()).body["id_token"])
    asked = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": registered,
        **({} if state is None else {"state": state}),
    }

    answer = await party.browser.get(f"{party.issuer}/logout", list(asked.items()))

    assert answer.location == "https://client.example/out?tenant=7" + ("" if state is None else f"&state={state}")
