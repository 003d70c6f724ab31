"""Telling our own JWTs from everything else."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.encoding import b64url_encode
from valetkey.core.jose.keys import KeyState, PublicKey, jwk_set, thumbprint
from valetkey.core.jose.sign import (
    PrivateKey,
    SigningKey,
    from_pkcs8,
    generate_private_key,
    kid_of,
    public_jwk,
    sign,
    to_pkcs8,
)
from valetkey.core.jose.verify_own import KeySet, require_issued_by, require_unexpired, verify_signature
from valetkey.core.oauth.errors import InvalidToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EC, RSA = generate_private_key("ES256"), generate_private_key("RS256")
KEYS = {alg: SigningKey(kid_of(key), alg, key) for alg, key in (("ES256", EC), ("RS256", RSA))}
PUBLISHED = jwk_set(
    PublicKey(key.kid, key.alg, KeyState.ACTIVE, public_jwk(key.private_key), NOW) for key in KEYS.values()
)
KEY_SET = KeySet.parse(PUBLISHED)
CLAIMS = {"iss": "https://id.example", "sub": "ada", "exp": 2_000_000_000}


def forge(header: dict[str, Any], key: PrivateKey, algorithm: str) -> str:
    return jwt.PyJWS().encode(json.dumps(CLAIMS).encode(), key, algorithm, headers=header)


def hmac_signed(header: dict[str, Any], secret: bytes) -> str:
    """By hand: PyJWT itself refuses to use a public key as an HMAC secret."""
    signed = ".".join(b64url_encode(json.dumps(part).encode()) for part in (header | {"alg": "HS256"}, CLAIMS))
    return f"{signed}.{b64url_encode(hmac.digest(secret, signed.encode(), 'sha256'))}"


def unsigned(header: dict[str, Any]) -> str:
    return f"{b64url_encode(json.dumps(header).encode())}.{b64url_encode(json.dumps(CLAIMS).encode())}."


@pytest.mark.parametrize("alg", KEYS)
def test_what_we_sign_verifies(alg: str) -> None:
    token = sign(CLAIMS, KEYS[alg], "at+jwt")

    assert verify_signature(token, KEY_SET, "at+jwt") == CLAIMS


@pytest.mark.requirement("RFC 7518 §3.4: each integer of an ECDSA signature is as long as a coordinate")
def test_signatures_with_short_integers_verify_too() -> None:
    # One in 128 has a zero byte in front of one of its integers.
    tokens = [sign(CLAIMS | {"number": number}, KEYS["ES256"], "at+jwt") for number in range(500)]

    assert all(len(token.rpartition(".")[2]) == 86 for token in tokens)
    assert all(verify_signature(token, KEY_SET, "at+jwt")["number"] == number for number, token in enumerate(tokens))


@pytest.mark.requirement("security 28: typ is checked so that one kind of JWT is never taken for another")
@pytest.mark.parametrize(("typ", "expected"), [("JWT", "at+jwt"), ("at+jwt", "JWT"), ("AT+JWT", "at+jwt"), ("", "JWT")])
def test_another_kind_of_jwt_is_refused(typ: str, expected: str) -> None:
    token = sign(CLAIMS, KEYS["ES256"], typ)

    with pytest.raises(InvalidToken):
        verify_signature(token, KEY_SET, expected)


EC_KID, RSA_KID = KEYS["ES256"].kid, KEYS["RS256"].kid
RSA_PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
OTHER = generate_private_key("ES256")
HEADER = {"typ": "at+jwt", "kid": EC_KID}


@pytest.mark.requirement("security 28: algorithms come from our key, and foreign header members are refused")
@pytest.mark.parametrize(
    "token",
    [
        unsigned({"alg": "none", "typ": "at+jwt", "kid": EC_KID}),
        unsigned({"alg": "None", "typ": "at+jwt", "kid": EC_KID}),
        unsigned({"alg": "ES256", "typ": "at+jwt", "kid": EC_KID}),
        hmac_signed({"typ": "at+jwt", "kid": RSA_KID}, RSA_PEM),
        hmac_signed({"typ": "at+jwt", "kid": EC_KID}, b"k" * 32),
        forge({"typ": "at+jwt", "kid": RSA_KID}, EC, "ES256"),
        forge({"typ": "at+jwt", "kid": EC_KID}, RSA, "RS256"),
        forge({"typ": "at+jwt", "kid": RSA_KID}, RSA, "PS256"),
        forge({"typ": "at+jwt", "kid": RSA_KID}, RSA, "RS512"),
        forge(HEADER, OTHER, "ES256"),
        forge({"typ": "at+jwt"}, EC, "ES256"),
        forge({"typ": "at+jwt", "kid": "../../etc/passwd"}, EC, "ES256"),
        forge({"typ": "at+jwt", "kid": "' OR 1=1 --"}, EC, "ES256"),
        forge(HEADER | {"jwk": public_jwk(OTHER)}, EC, "ES256"),
        forge(HEADER | {"jku": "https://evil.example/jwks"}, EC, "ES256"),
        forge(HEADER | {"x5u": "https://evil.example/x"}, EC, "ES256"),
        forge(HEADER | {"x5c": ["MII"]}, EC, "ES256"),
        forge(HEADER | {"crit": ["exp"], "exp": 1}, EC, "ES256"),
        forge(HEADER | {"cty": "JWT"}, EC, "ES256"),
        "", ".", "..", "a.b.c", "a.b.c.d.e", "\x00", "é.é.é", "x" * 10_000,
    ],
    ids=lambda _: "token",
)  # fmt: skip
def test_what_we_did_not_sign_this_way_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        verify_signature(token, KEY_SET, "at+jwt")


@pytest.mark.requirement("security 17: a changed token is invalid")
def test_every_changed_character_is_noticed() -> None:
    token = sign(CLAIMS, KEYS["ES256"], "at+jwt")

    for position in range(len(token)):
        changed = token[:position] + ("A" if token[position] != "A" else "Q") + token[position + 1 :]
        with pytest.raises(InvalidToken):
            verify_signature(changed, KEY_SET, "at+jwt")


@pytest.mark.requirement("security 17: a changed token is invalid")
@pytest.mark.parametrize("respell", ["{}=", "{}==", "{}.", " {}", "{}\n"])
def test_a_token_has_one_spelling(respell: str) -> None:
    token = sign(CLAIMS, KEYS["ES256"], "at+jwt")

    with pytest.raises(InvalidToken):
        verify_signature(respell.format(token), KEY_SET, "at+jwt")


@pytest.mark.requirement("security 17: a changed token is invalid")
def test_bits_that_mean_nothing_have_one_spelling_too() -> None:
    """The last character of a signature of 64 bytes has four of them."""
    token = sign(CLAIMS, KEYS["ES256"], "at+jwt")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    first = alphabet.index(token[-1]) // 16 * 16

    for last in alphabet[first + 1 : first + 16]:
        with pytest.raises(InvalidToken):
            verify_signature(token[:-1] + last, KEY_SET, "at+jwt")


def test_a_key_for_an_algorithm_that_we_do_not_know_yet_verifies_nothing() -> None:
    """Another release may publish it while this one still runs."""
    key = KEYS["RS256"]
    published = KeySet.parse({"keys": [public_jwk(key.private_key) | {"kid": key.kid, "alg": "RS512"}]})

    with pytest.raises(InvalidToken):
        verify_signature(forge({"typ": "at+jwt", "kid": key.kid}, RSA, "RS512"), published, "at+jwt")


def test_a_payload_that_is_not_an_object_is_refused() -> None:
    token = jwt.PyJWS().encode(b"[1]", EC, "ES256", headers=HEADER)

    with pytest.raises(InvalidToken):
        verify_signature(token, KEY_SET, "at+jwt")


@given(st.text(max_size=200))
def test_no_string_breaks_the_verification(text: str) -> None:
    with pytest.raises(InvalidToken):
        verify_signature(text, KEY_SET, "at+jwt")


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64"]), st.from_type(type(None)) | st.integers() | st.text()
    )
)
def test_no_header_breaks_the_verification(header: dict[str, Any]) -> None:
    encoded = urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")

    with pytest.raises(InvalidToken):
        verify_signature(f"{encoded}.e30.AA", KEY_SET, "at+jwt")


@pytest.mark.parametrize("issuer", ["https://id.example/", "https://ID.example", "http://id.example", ""])
def test_another_issuer_is_refused_byte_for_byte(issuer: str) -> None:
    with pytest.raises(InvalidToken):
        require_issued_by(CLAIMS, issuer)


@pytest.mark.parametrize("exp", [None, "2000000000", 1.5, NOW.timestamp(), int(NOW.timestamp()), True])
def test_a_token_is_dead_from_the_second_it_expires(exp: object) -> None:
    with pytest.raises(InvalidToken):
        require_unexpired({"exp": exp}, NOW)


@pytest.mark.requirement("RFC 7638 §3.1: the example's thumbprint")
def test_the_thumbprint_of_the_example() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
        "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )

    found = thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})

    assert found == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("key", [EC, RSA])
def test_a_private_key_survives_being_stored(key: PrivateKey) -> None:
    assert kid_of(from_pkcs8(to_pkcs8(key))) == kid_of(key)


def test_the_published_set_holds_no_private_part() -> None:
    assert all(jwk.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"} for jwk in PUBLISHED["keys"])
