"""The demo's application believes an ID token only after every check of OIDC Core §3.1.3.7."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from support.rfc9068 import JSONValue, Signer, encode, signer
from valetkey.demo.relying_party.id_token import IdTokenError, UnknownKeyError, at_hash, verify_id_token

ISSUER = "http://127.0.0.1:8080"
NONCE = "n" * 43
ACCESS_TOKEN = "access token"
ES256, RS256 = signer("ES256", "e1"), signer("RS256", "r1")
JWKS = {"keys": [ES256.jwk, RS256.jwk]}


@pytest.mark.parametrize("key", [ES256, RS256], ids=lambda key: key.alg)
def test_a_sound_id_token_gives_its_claims(key: Signer) -> None:
    claims = verify(key.token(id_claims(), {"alg": key.alg, "kid": key.kid}))

    assert claims["sub"] == "user-1"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "http://127.0.0.1:8080/"},
        {"iss": None},
        {"aud": "spa"},
        {"aud": ["web", "spa"]},
        {"aud": ["web", "spa"], "azp": "spa"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nonce": "other"},
        {"nonce": None},
        {"at_hash": "other"},
    ],
    ids=str,
)
def test_any_claim_that_is_not_as_it_must_be_refuses_the_token(changed: dict[str, JSONValue]) -> None:
    with pytest.raises(IdTokenError):
        verify(token(**changed))


def test_after_a_refresh_no_nonce_is_expected() -> None:
    claims = verify_id_token(
        token(nonce=None), JWKS, issuer=ISSUER, client_id="web", nonce=None, access_token=ACCESS_TOKEN
    )

    assert "nonce" not in claims


@pytest.mark.requirement("security 28: none, and HS256 with a public key, are refused; the algorithm is the key's")
@pytest.mark.parametrize(
    "forged",
    [
        f"{encode({'alg': 'none', 'kid': 'e1'})}.{encode({'sub': 'user-1'})}.",
        f"{encode({'alg': 'HS256', 'kid': 'r1'})}.{encode({'sub': 'user-1'})}.{encode(b'x' * 32)}",
        "no token at all",
        "",
    ],
)
def test_a_forged_token_is_refused(forged: str) -> None:
    with pytest.raises(IdTokenError):
        verify(forged)


def test_a_token_signed_by_another_key_of_the_same_name_is_refused() -> None:
    impostor = jwt.encode(id_claims(), "k" * 32, algorithm="HS256", headers={"kid": "e1"})

    with pytest.raises(IdTokenError):
        verify(impostor)


def test_a_key_that_is_not_published_is_told_apart() -> None:
    unpublished = signer("ES256", "unpublished")

    with pytest.raises(UnknownKeyError):
        verify(unpublished.token(id_claims(), {"alg": "ES256", "kid": "unpublished"}))


@pytest.mark.requirement("OIDC Core §3.1.3.6: at_hash is the left half of the hash of the access token")
def test_at_hash_is_the_left_half_of_the_digest() -> None:
    digest = hashlib.sha256(b"access token").digest()

    assert at_hash("access token") == encode(digest[:16])


def verify(id_token: str) -> dict[str, JSONValue]:
    return verify_id_token(id_token, JWKS, issuer=ISSUER, client_id="web", nonce=NONCE, access_token=ACCESS_TOKEN)


def token(**changed: JSONValue) -> str:
    return ES256.token(id_claims(**changed), {"alg": "ES256", "kid": "e1"})


def id_claims(**changed: JSONValue) -> dict[str, JSONValue]:
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": "web",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "nonce": NONCE,
        "at_hash": at_hash(ACCESS_TOKEN),
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}
