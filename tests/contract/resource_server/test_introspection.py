"""Tokens checked by asking an issuer on loopback."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from support.loopback_issuer import BROKEN_ANSWERS, CLIENT_ID, CLIENT_SECRET, LoopbackIssuer
from support.rfc9068 import AUDIENCE, ManualClock
from valetkey.resource_server import AuthorizationServer, Introspector, InvalidToken, IssuerUnavailable


@pytest.mark.requirement("RFC 7662 §2.1: the resource server authenticates; RFC 6749 §2.3.1: form-urlencoded parts")
async def test_an_active_token_of_any_form_is_accepted(issuer: LoopbackIssuer, introspector: Introspector) -> None:
    issuer.activate("opaque")

    access_token = await introspector.introspect("opaque")

    assert access_token.subject == "user-1"
    assert access_token.scope == {"read", "write"}


INACTIVE: dict[str, dict[str, Any]] = {
    "unknown": {"active": False},
    "active a string": {"active": "true"},
    "active a number": {"active": 1},
    "active missing": {"active": None},
    "for another audience": {"aud": "https://other.example"},
    "for no audience": {"aud": None},
    "expired": {"exp": 1},
    "without expiry": {"exp": None},
    "not valid yet": {"nbf": 10**10},
    "of another issuer": {"iss": "https://evil.example"},
    "without subject": {"sub": None},
    "without client": {"client_id": None},
    "without jti": {"jti": None},
    "a refresh token": {"token_type": "refresh_token"},
    "bound by DPoP": {"token_type": "DPoP"},
    "bound to a certificate": {"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}},
}


@pytest.mark.requirement("RFC 7662 §2.2: only active true for this resource is valid")
@pytest.mark.parametrize("name", INACTIVE)
async def test_an_answer_that_does_not_say_active_for_us_is_a_refusal(
    issuer: LoopbackIssuer, introspector: Introspector, name: str
) -> None:
    issuer.activate("opaque")
    answer = issuer.answers["opaque"] | INACTIVE[name]
    issuer.answers["opaque"] = {member: value for member, value in answer.items() if value is not None}

    with pytest.raises(InvalidToken):
        await introspector.introspect("opaque")


@pytest.mark.requirement("security 55: introspection away is never valid")
@pytest.mark.parametrize("name", [each for each in BROKEN_ANSWERS if each != "without keys"])
async def test_a_broken_introspection_endpoint_is_never_valid(
    issuer: LoopbackIssuer, introspector: Introspector, name: str
) -> None:
    issuer.activate("opaque")
    issuer.break_down("/introspect", BROKEN_ANSWERS[name])

    with pytest.raises(IssuerUnavailable):
        await introspector.introspect("opaque")


async def test_our_own_bad_credentials_are_our_fault_and_not_the_tokens(
    issuer: LoopbackIssuer, server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.activate("opaque")

    wrong = Introspector(server, audience=AUDIENCE, client_id=CLIENT_ID, client_secret="canary-secret")

    with caplog.at_level(logging.DEBUG), pytest.raises(IssuerUnavailable):
        await wrong.introspect("opaque")

    assert "refuses this resource server's own credentials" in caplog.text
    assert "canary-secret" not in caplog.text


async def test_every_request_asks_the_issuer_unless_a_cache_was_asked_for(
    issuer: LoopbackIssuer, introspector: Introspector
) -> None:
    issuer.activate("opaque")
    await introspector.introspect("opaque")
    issuer.answers.clear()

    with pytest.raises(InvalidToken):
        await introspector.introspect("opaque")


async def test_a_cache_keeps_positive_answers_for_its_time_and_no_refusals(
    issuer: LoopbackIssuer, server: AuthorizationServer, clock: ManualClock
) -> None:
    cached = Introspector(
        server, audience=AUDIENCE, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, cache_ttl=timedelta(seconds=5)
    )
    with pytest.raises(InvalidToken):
        await cached.introspect("opaque")
    issuer.activate("opaque")
    await cached.introspect("opaque")
    issuer.answers.clear()
    clock.advance(4)
    await cached.introspect("opaque")
    requests_while_kept = issuer.requests["/introspect"]
    clock.advance(1)

    with pytest.raises(InvalidToken):
        await cached.introspect("opaque")
    assert requests_while_kept == 2
