"""Which published keys are used, and for what."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from support.rfc9068 import signer
from valetkey.resource_server import InvalidToken, KeySet
from valetkey.resource_server.error import UnknownKey

ES256 = signer("ES256")
RS256 = signer("RS256", "r1")
SMALL_RSA = RSAAlgorithm.to_jwk(
    rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key(),  # noqa: S505 - to be refused
    as_dict=True,
)


def without_alg(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "alg"}


UNUSABLE: dict[str, Any] = {
    "for encryption": {**ES256.jwk, "use": "enc"},
    "for signing only": {**ES256.jwk, "key_ops": ["sign"]},
    "with its private part": {**ECAlgorithm.to_jwk(ES256.private_key, as_dict=True), "kid": "k1"},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"},
    "of unknown type": {"kty": "AKP", "kid": "k1", "alg": "ML-DSA-44", "pub": "AAAA"},
    "of another curve": {**signer("ES384").jwk, "alg": "ES256"},
    "not on its curve": {**ES256.jwk, "y": ES256.jwk["x"]},
    "without a coordinate": {**ES256.jwk, "y": None},
    "with a coordinate that is a number": {**ES256.jwk, "x": 5},
    "for an algorithm of another type": {**ES256.jwk, "alg": "RS256"},
    "for HS256 although public": {**ES256.jwk, "alg": "HS256"},
    "with a name that is a number": {**ES256.jwk, "kid": 1},
    "too small": {**SMALL_RSA, "kid": "k1", "alg": "RS256"},
    "not an object": "k1",
}


@pytest.mark.requirement("RFC 7517 §5: keys that are not understood or not fit are left out")
@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_key_is_left_out_and_the_others_stay(name: str) -> None:
    keys = KeySet.from_jwks({"keys": [UNUSABLE[name], RS256.jwk]})

    assert [(key.kid, key.alg) for key in keys.keys] == [("r1", "RS256")]


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "k1"}])
def test_what_is_no_jwk_set_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="JWK Set"):
        KeySet.from_jwks(document)


@pytest.mark.requirement("RFC 8725 §3.1: a key without alg serves only the algorithms of its type")
def test_a_key_without_alg_serves_every_algorithm_of_its_type_and_no_other() -> None:
    keys = KeySet.from_jwks({"keys": [without_alg(RS256.jwk)]})

    assert keys.find("r1", "RS256").alg == "RS256"
    assert keys.find("r1", "PS256").alg == "PS256"
    with pytest.raises(InvalidToken):
        keys.find("r1", "ES256")


def test_without_a_name_the_only_fitting_key_is_chosen() -> None:
    keys = KeySet.from_jwks({"keys": [ES256.jwk, RS256.jwk]})

    assert keys.find(None, "ES256").kid == "k1"


def test_without_a_name_two_fitting_keys_are_no_choice() -> None:
    keys = KeySet.from_jwks({"keys": [ES256.jwk, signer("ES256", "k2").jwk]})

    with pytest.raises(InvalidToken):
        keys.find(None, "ES256")


def test_two_keys_of_one_name_and_algorithm_are_no_choice() -> None:
    keys = KeySet.from_jwks({"keys": [ES256.jwk, {**signer("ES256", "k2").jwk, "kid": "k1"}]})

    with pytest.raises(InvalidToken):
        keys.find("k1", "ES256")


@pytest.mark.parametrize("kid", ["k2", "", None])
def test_an_empty_key_set_knows_no_key(kid: str | None) -> None:
    with pytest.raises(UnknownKey):
        KeySet(()).find(kid, "ES256")
