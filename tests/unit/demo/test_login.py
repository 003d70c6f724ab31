"""The demo's application checks what comes back to it, as every relying party must."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.relying_party.exchange import Exchange, basic
from valetkey.demo.relying_party.login import Login, LoginRefusedError, with_query
from valetkey.demo.relying_party.session import Sessions, Tokens, TourSession
from valetkey.demo.relying_party.steps import STEPS
from valetkey.demo.relying_party.view import exchange_view, shorten, step_views, token_view

ISSUER = "http://127.0.0.1:8080"
CONFIG = RelyingPartyConfig(
    base_url="http://127.0.0.1:8081",
    issuer=ISSUER,
    client_id="web",
    client_secret="secret",
    scope="openid api:read",
    api_url="http://127.0.0.1:8082",
)


@pytest.mark.requirement("RFC 7636 §4.2: the challenge is the base64url of the verifier's SHA-256")
def test_the_authorization_request_carries_a_challenge_and_never_the_verifier() -> None:
    login = Login()

    url = with_query(f"{ISSUER}/authorize", login.parameters(CONFIG))

    query = parse_qs(urlsplit(url).query)
    digest = hashlib.sha256(login.code_verifier.encode()).digest()
    assert query["code_challenge"] == [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == ["http://127.0.0.1:8081/callback"]
    assert login.code_verifier not in url


def test_an_answer_with_our_state_and_issuer_has_a_code() -> None:
    login = Login()

    assert login.require_code({"state": login.state, "iss": ISSUER, "code": "c"}, ISSUER) == "c"


@pytest.mark.requirement("RFC 9207 §2.4: a client MUST reject an answer whose iss is not the issuer asked")
@pytest.mark.requirement("security 5: state is echoed exactly and iss is byte-equal to the issuer")
@pytest.mark.parametrize(
    "changed",
    [
        {"state": "other"},
        {"state": ""},
        {"iss": "http://127.0.0.1:8080/"},
        {"iss": "http://evil.example"},
        {"iss": ""},
        {"code": ""},
        {"error": "access_denied"},
    ],
)
def test_any_other_answer_is_refused(changed: dict[str, str]) -> None:
    login = Login()
    answer = {"state": login.state, "iss": ISSUER, "code": "c"} | changed

    with pytest.raises(LoginRefusedError):
        login.require_code(answer, ISSUER)


@pytest.mark.requirement("security 10: an incoming error is never shown as ours")
def test_an_incoming_error_is_not_repeated_unless_it_looks_like_a_code() -> None:
    login = Login()
    answer = {"state": login.state, "iss": ISSUER, "error": "Call +1 555 now!"}

    with pytest.raises(LoginRefusedError, match=r"error unknown"):
        login.require_code(answer, ISSUER)


def test_both_parts_of_basic_credentials_are_form_urlencoded() -> None:
    name, value = basic("a b:c", "p%/+")

    assert name == "Authorization"
    assert base64.b64decode(value.removeprefix("Basic ")) == b"a+b%3Ac:p%25%2F%2B"


@pytest.mark.requirement("security 51: no secret, code, token or verifier is shown")
def test_the_page_shows_a_request_without_its_secrets() -> None:
    secret, code, verifier, token = ("s" * 43, "c" * 43, "v" * 43, "t" * 200)
    exchange = Exchange(
        "POST",
        f"{ISSUER}/token",
        headers=(basic("web", secret),),
        form=(("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier)),
        status=200,
        body={"access_token": token, "scope": "openid"},
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )

    view = exchange_view(exchange)

    shown = view.request + view.answer
    assert not [each for each in (basic("web", secret)[1], secret, code, verifier, token) if each in shown]
    assert "grant_type=authorization_code" in shown
    assert '"scope": "openid"' in shown
    assert (view.status, view.is_ok) == ("200 OK", True)
    assert view.trace_id == exchange.trace_id


@pytest.mark.parametrize(("status", "text"), [(0, "No answer"), (401, "401 Unauthorized"), (599, "599")])
def test_a_refusal_and_silence_are_shown_as_such(status: int, text: str) -> None:
    view = exchange_view(Exchange("GET", f"{ISSUER}/userinfo", status=status))

    assert (view.status, view.is_ok) == (text, False)


def test_a_jwt_is_taken_apart_and_an_opaque_token_is_not() -> None:
    header, claims = (
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"ES256"}', b'{"exp":0}')
    )

    jwt, opaque = token_view("Access token", f"{header}.{claims}.x"), token_view("Refresh token", "vk_rt_" + "a" * 60)

    assert '"alg": "ES256"' in jwt.header
    assert jwt.times == (("exp", "1970-01-01 00:00:00"),)
    assert not opaque.claims
    assert opaque.short == "vk_rt_aaaaaaaa…aaaaaa"


def test_what_is_short_stays_whole() -> None:
    assert shorten("short") == "short"


def test_the_steps_open_in_order() -> None:
    session = TourSession()
    before = {view.step.name for view in step_views(session) if view.is_open}

    session.tokens = Tokens("a.b.c", "r", "i.d.t", "openid", {})
    signed_in = {view.step.name for view in step_views(session) if view.is_open}
    session.is_revoked = True
    revoked = {view.step.name for view in step_views(session) if view.is_open}

    assert before == {"sign-in", "rotate-keys"}
    assert signed_in == {step.name for step in STEPS} - {"call-again"}
    assert revoked == {step.name for step in STEPS}


def test_exactly_one_step_is_the_next() -> None:
    session = TourSession(tokens=Tokens("a.b.c", "r", "i.d.t", "openid", {}))
    session.results["sign-in"] = [Exchange("GET", ISSUER)]

    assert [view.step.name for view in step_views(session) if view.is_next] == ["userinfo"]


def test_a_cookie_that_was_replaced_opens_nothing() -> None:
    sessions = Sessions()
    session = TourSession()
    before = sessions.begin(session)

    after = sessions.begin(session, replaced=before)

    assert sessions.find(before) is None
    assert sessions.find(after) is session
    assert sessions.find("guess") is None


def test_sessions_do_not_grow_without_end() -> None:
    sessions = Sessions()
    first = sessions.begin()
    kept = [sessions.begin() for _ in range(200)]

    assert sessions.find(first) is None
    assert all(sessions.find(cookie) for cookie in kept)
