"""Proof keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.oauth.errors import InvalidGrant, InvalidRequest
from valetkey.core.oauth.pkce import challenge_of, challenges_match, require_challenge

RFC_7636_APPENDIX_B_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RFC_7636_APPENDIX_B_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.requirement("RFC 7636 Appendix B: the example's challenge")
def test_the_challenge_of_the_example() -> None:
    assert challenge_of(RFC_7636_APPENDIX_B_VERIFIER) == RFC_7636_APPENDIX_B_CHALLENGE


@pytest.mark.requirement("security 12: PKCE S256 for every client; plain, missing or malformed is refused")
@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, "S256"),
        (None, None),
        (RFC_7636_APPENDIX_B_CHALLENGE, None),
        (RFC_7636_APPENDIX_B_CHALLENGE, "plain"),
        (RFC_7636_APPENDIX_B_CHALLENGE, "s256"),
        (RFC_7636_APPENDIX_B_CHALLENGE, "S512"),
        (RFC_7636_APPENDIX_B_CHALLENGE[:-1], "S256"),
        (RFC_7636_APPENDIX_B_CHALLENGE + "A", "S256"),
        (RFC_7636_APPENDIX_B_CHALLENGE + "=", "S256"),
        (RFC_7636_APPENDIX_B_CHALLENGE[:-1] + "+", "S256"),
        (RFC_7636_APPENDIX_B_CHALLENGE[:-1] + "\n", "S256"),
    ],
)
def test_a_request_without_a_proper_challenge_is_refused(challenge: str | None, method: str | None) -> None:
    with pytest.raises(InvalidRequest):
        require_challenge(challenge, method)


@pytest.mark.requirement("security 12: a verifier of the wrong length or alphabet is refused")
@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "a" * 42 + "!", "a" * 42 + "é", "a" * 43 + "\n", ""])
def test_a_verifier_outside_the_grammar_is_refused(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        challenge_of(verifier)


@given(st.text(max_size=140))
def test_no_string_breaks_the_verifier_check(verifier: str) -> None:
    try:
        challenge = challenge_of(verifier)
    except InvalidGrant:
        return
    assert require_challenge(challenge, "S256") == challenge


@pytest.mark.requirement(
    "RFC 7636 §4.6: the challenge computed from the verifier is compared with the one of the request"
)
@pytest.mark.parametrize(
    ("expected", "matches"),
    [
        (RFC_7636_APPENDIX_B_CHALLENGE, True),
        (RFC_7636_APPENDIX_B_CHALLENGE.swapcase(), False),
        (RFC_7636_APPENDIX_B_CHALLENGE[:-1], False),
        (RFC_7636_APPENDIX_B_CHALLENGE + "=", False),
        ("", False),
        ("é" * 43, False),
    ],
)
def test_only_the_verifier_of_the_challenge_matches(expected: str, *, matches: bool) -> None:
    assert challenges_match(challenge_of(RFC_7636_APPENDIX_B_VERIFIER), expected) is matches
