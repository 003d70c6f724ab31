"""Whatever a caller sends as a token, it is refused as a token and never as a fault of ours."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rfc9068 import AUDIENCE, ISSUER, NOW, claims, encode, signer
from valetkey.resource_server import AccessToken, InvalidToken, KeySet, MissingToken, verify_access_token
from valetkey.resource_server.bearer import read_bearer_token
from valetkey.resource_server.error import InvalidRequest

ES256 = signer("ES256")
KEYS = KeySet.from_jwks({"keys": [ES256.jwk, signer("EdDSA", "k2").jwk, signer("RS256", "k3").jwk]})
GOOD = ES256.token(claims())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
header_names = st.sampled_from(["typ", "alg", "kid", "jwk", "crit", "x5c", "b64", "cty"])
header_values = st.sampled_from(["at+jwt", "ES256", "RS256", "EdDSA", "none", "k1", "k2", "k3"]) | json_values
claim_names = st.sampled_from(sorted([*claims(), "nbf", "cnf"]))


def verify(token: str) -> AccessToken:
    return verify_access_token(token, key_set=KEYS, issuer=ISSUER, audience=AUDIENCE, now=NOW)


@pytest.mark.requirement("security 33: malformed, huge and foreign tokens look alike")
@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){0,4}", fullmatch=True))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        verify(text)


@given(
    st.dictionaries(header_names, header_values, max_size=6),
    st.binary(max_size=80),
    st.sampled_from([0, 63, 64, 65, 256]),
)
def test_no_unsigned_token_verifies_whatever_its_header(header: dict[str, Any], payload: bytes, length: int) -> None:
    with pytest.raises(InvalidToken):
        verify(f"{encode(header)}.{encode(payload)}.{encode(bytes(length))}")


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=0x17F))
def test_no_character_of_a_token_can_be_changed(position: int, character: str) -> None:
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    if changed == GOOD:
        return

    with pytest.raises(InvalidToken):
        verify(changed)


@settings(max_examples=300)
@given(st.dictionaries(claim_names, json_values, max_size=4))
def test_signed_claims_of_any_shape_are_read_or_refused_and_nothing_else(changed: dict[str, Any]) -> None:
    try:
        token = verify(ES256.token({**claims(), **changed}))
    except InvalidToken:
        return

    assert token.claims["iss"] == ISSUER
    assert AUDIENCE in token.audience
    assert token.subject
    assert token.client_id
    assert token.jti


@given(st.lists(st.text(max_size=60) | st.from_regex(r"(?i:bearer) {0,2}[!-~]{0,20}", fullmatch=True), max_size=3))
def test_an_authorization_header_of_any_shape_gives_a_token_or_a_registered_refusal(values: list[str]) -> None:
    try:
        token = read_bearer_token(values)
    except (MissingToken, InvalidRequest):
        return

    assert len(values) == 1
    assert values[0].endswith(f" {token}")
    assert " " not in token
