"""Bearer credentials in, challenges out."""

import pytest

from valetkey.resource_server import (
    BearerError,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    IssuerUnavailable,
    MissingToken,
)
from valetkey.resource_server.bearer import error_body, error_headers, read_bearer_token, require_realm


@pytest.mark.requirement("RFC 6750 §2.1: Authorization: Bearer b64token, the scheme in any case")
@pytest.mark.parametrize("value", ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g==", "BEARER   a.b-c_d~e+f/g=="])
def test_the_token_is_read_from_the_header(value: str) -> None:
    assert read_bearer_token([value]) == "a.b-c_d~e+f/g=="


@pytest.mark.requirement("RFC 6750 §3.1: an unsupported method of authentication is none")
@pytest.mark.parametrize("values", [[], [""], ["Basic YTpi"], ["DPoP abc"], ["Bearerabc"], ["Bearer\ta"], ["token"]])
def test_a_request_without_bearer_credentials_misses_a_token(values: list[str]) -> None:
    with pytest.raises(MissingToken):
        read_bearer_token(values)


@pytest.mark.requirement("RFC 6750 §3.1: invalid_request for malformed or repeated credentials")
@pytest.mark.parametrize(
    "values",
    [
        ["Bearer"],
        ["Bearer "],
        ["Bearer a b"],
        ["Bearer a, Bearer b"],
        ["Bearer =a"],
        ["Bearer é"],
        ["Bearer a\n"],
        ["Bearer a", "Bearer a"],
        ["Bearer a", "Basic YTpi"],
        ["Basic YTpi", "Bearer a"],
    ],
)
def test_malformed_or_repeated_credentials_are_an_invalid_request(values: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        read_bearer_token(values)


CHALLENGES: dict[str, tuple[BearerError, int, str | None]] = {
    "missing": (MissingToken("reason"), 401, 'Bearer realm="api"'),
    "invalid request": (InvalidRequest("reason"), 400, 'Bearer realm="api", error="invalid_request"'),
    "invalid token": (InvalidToken("reason"), 401, 'Bearer realm="api", error="invalid_token"'),
    "scope": (
        InsufficientScope("reason", frozenset({"b", "a"})),
        403,
        'Bearer realm="api", error="insufficient_scope"',
    ),
    "issuer away": (IssuerUnavailable("reason"), 503, None),
}


@pytest.mark.requirement("RFC 6750 §3: the challenge and its error codes")
@pytest.mark.parametrize("name", CHALLENGES)
def test_each_refusal_has_its_status_and_challenge(name: str) -> None:
    error, status, challenge = CHALLENGES[name]

    headers = error_headers(error, "api")

    assert error.status == status
    assert headers["Cache-Control"] == "no-store"
    if challenge is None:
        assert "WWW-Authenticate" not in headers
        assert int(headers["Retry-After"]) > 0
    else:
        assert headers["WWW-Authenticate"].startswith(challenge)


@pytest.mark.requirement("security 36: no error code when no credentials were sent")
def test_no_error_code_when_no_credentials_were_sent() -> None:
    error = MissingToken("no bearer credentials")

    assert "error" not in error_body(error)
    assert "error" not in error_headers(error, "api")["WWW-Authenticate"]


def test_missing_scope_is_named_in_order() -> None:
    error = InsufficientScope("reason", frozenset({"write", "read"}))

    assert error_headers(error, "api")["WWW-Authenticate"].endswith('scope="read write"')
    assert error_body(error)["scope"] == "read write"


@pytest.mark.requirement("security 49: answers never carry the reason for the log")
@pytest.mark.parametrize("name", CHALLENGES)
def test_the_reason_stays_out_of_the_answer(name: str) -> None:
    error, _, _ = CHALLENGES[name]

    answer = f"{error_headers(error, 'api')} {error_body(error)}"

    assert "reason" not in answer


@pytest.mark.parametrize("realm", ["", 'a"b', "a\\b", "a\r\nSet-Cookie: x=y", "é"])
def test_a_realm_that_could_break_out_of_its_quotes_is_refused(realm: str) -> None:
    with pytest.raises(ValueError, match="realm"):
        require_realm(realm)
