"""The pure verification of JWT access tokens, as a matrix of attacks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.rfc9068 import AUDIENCE, ISSUER, NOW, claims, encode, signer
from valetkey.resource_server import AccessToken, InvalidToken, KeySet, verify_access_token
from valetkey.resource_server.error import UnknownKey

LEEWAY = timedelta(seconds=30)
ES256 = signer("ES256")
KEYS = KeySet.from_jwks({"keys": [ES256.jwk]})


def verify(token: str, **changed: object) -> AccessToken:
    arguments: dict[str, Any] = {"key_set": KEYS, "issuer": ISSUER, "audience": AUDIENCE, "now": NOW, "leeway": LEEWAY}
    return verify_access_token(token, **(arguments | changed))


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in ES256.header.items() if name != member}


@pytest.mark.requirement("RFC 9068 §4: a valid access token tells who may do what")
def test_a_valid_token_becomes_an_access_token() -> None:
    token = verify(ES256.token(claims(tenant="t1")))

    assert token.subject == "user-1"
    assert token.client_id == "web"
    assert token.scope == {"read", "write"}
    assert token.audience == {AUDIENCE}
    assert token.expires_at == NOW + timedelta(seconds=300)
    assert token.jti == "token-1"
    assert token.claims["tenant"] == "t1"


SUBJECTS: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "a person": ({"sub": "user-1", "auth_time": 1}, True, False),
    "a client": ({"sub": "web"}, False, True),
    "a person who is called like the client": ({"sub": "web", "auth_time": 1}, True, False),
    "a client that is called like a person": ({"sub": "user-1", "client_id": "user-1"}, False, True),
    "neither": ({"sub": "user-1"}, False, False),
    "a client in other letters": ({"sub": "WEB"}, False, False),
}


@pytest.mark.requirement("RFC 9700 §4.15, RFC 9068 §5: tokens of people and of clients are told apart")
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_token_says_whether_it_is_a_persons_or_a_clients(name: str) -> None:
    changed, is_user, is_client = SUBJECTS[name]

    token = verify(ES256.token(claims(**changed)))

    assert (token.is_user, token.is_client) == (is_user, is_client)


def test_an_access_token_cannot_be_changed_and_its_repr_shows_no_claims() -> None:
    token = verify(ES256.token(claims(email="ada@example.com")))

    with pytest.raises(TypeError):
        token.claims["sub"] = "root"  # type: ignore[index]
    with pytest.raises(AttributeError):
        token.subject = "root"  # type: ignore[misc]
    assert "ada@example.com" not in repr(token)


@pytest.mark.requirement("security 28: algorithms from an allow-list per use")
@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
def test_every_algorithm_of_the_default_allow_list_verifies(alg: str) -> None:
    other = signer(alg)

    token = verify(other.token(claims()), key_set=KeySet.from_jwks({"keys": [other.jwk]}))

    assert token.subject == "user-1"


@pytest.mark.requirement("RFC 9068 §4: typ is at+jwt or application/at+jwt")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_both_spellings_of_the_type_are_accepted_in_any_case(typ: str) -> None:
    assert verify(ES256.token(claims(), {**ES256.header, "typ": typ})).jti == "token-1"


HEADERS: dict[str, dict[str, Any]] = {
    "typ missing": without("typ"),
    "typ JWT": {**ES256.header, "typ": "JWT"},
    "typ of an ID token for logout": {**ES256.header, "typ": "logout+jwt"},
    "typ of a DPoP proof": {**ES256.header, "typ": "dpop+jwt"},
    "typ with a suffix": {**ES256.header, "typ": "at+jwt; x=y"},
    "typ a list": {**ES256.header, "typ": ["at+jwt"]},
    "alg missing": without("alg"),
    "alg none": {**ES256.header, "alg": "none"},
    "alg None": {**ES256.header, "alg": "NoNe"},
    "alg HS256": {**ES256.header, "alg": "HS256"},
    "alg of another key type": {**ES256.header, "alg": "RS256"},
    "alg of another curve": {**ES256.header, "alg": "ES384"},
    "alg in lower case": {**ES256.header, "alg": "es256"},
    "alg null": {**ES256.header, "alg": None},
    "alg a list": {**ES256.header, "alg": ["ES256"]},
    "kid unknown": {**ES256.header, "kid": "k2"},
    "kid empty": {**ES256.header, "kid": ""},
    "kid a number": {**ES256.header, "kid": 1},
    "kid a path": {**ES256.header, "kid": "../../dev/null"},
    "jwk": {**ES256.header, "jwk": ES256.jwk},
    "jku": {**ES256.header, "jku": "https://login.example/jwks"},
    "x5u": {**ES256.header, "x5u": "https://login.example/cert"},
    "x5c": {**ES256.header, "x5c": ["MII"]},
    "crit": {**ES256.header, "crit": ["exp"]},
    "crit empty": {**ES256.header, "crit": []},
    "b64 false": {**ES256.header, "b64": False},
    "zip": {**ES256.header, "zip": "DEF"},
    "nothing": {},
}


@pytest.mark.requirement("security 28: alg none, HS*, wrong curve, jwk, jku, x5u, x5c, crit, b64 and typ refused")
@pytest.mark.parametrize("name", HEADERS)
def test_a_correctly_signed_token_with_a_bad_header_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken):
        verify(ES256.token(claims(), HEADERS[name]))


SECONDS = int(NOW.timestamp())
CLAIMS: dict[str, dict[str, Any]] = {
    "iss missing": {"iss": None},
    "iss of another": {"iss": "https://evil.example"},
    "iss with a slash": {"iss": ISSUER + "/"},
    "iss in another case": {"iss": "https://LOGIN.example"},
    "iss a list": {"iss": [ISSUER]},
    "aud missing": {"aud": None},
    "aud of another": {"aud": "https://other.example"},
    "aud several others": {"aud": ["https://other.example", "https://third.example"]},
    "aud empty": {"aud": []},
    "aud a prefix": {"aud": AUDIENCE[:-1]},
    "aud longer": {"aud": AUDIENCE + "/v1"},
    "aud an object": {"aud": {AUDIENCE: True}},
    "aud with a number": {"aud": [AUDIENCE, 1]},
    "exp missing": {"exp": None},
    "exp a string": {"exp": str(SECONDS + 300)},
    "exp true": {"exp": True},
    "exp at the end of the leeway": {"exp": SECONDS - 30},
    "exp negative": {"exp": -1},
    "exp beyond every calendar": {"exp": 10**12},
    "exp astronomically large": {"exp": 10**400},
    "iat missing": {"iat": None},
    "iat a string": {"iat": "now"},
    "iat in the future": {"iat": SECONDS + 31},
    "nbf in the future": {"nbf": SECONDS + 31},
    "nbf a string": {"nbf": "0"},
    "sub missing": {"sub": None},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 7},
    "client_id missing": {"client_id": None},
    "client_id a list": {"client_id": ["web"]},
    "jti missing": {"jti": None},
    "jti a number": {"jti": 1},
    "scope a list": {"scope": ["read"]},
    "scope with two spaces": {"scope": "read  write"},
    "scope with a quotation mark": {"scope": 'read "write"'},
    "scope with a line break": {"scope": "read\nwrite"},
    "auth_time a string": {"auth_time": "now"},
    "auth_time true": {"auth_time": True},
    "auth_time an object": {"auth_time": {}},
    "auth_time negative": {"auth_time": -1},
    "bound to a key": {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
}


@pytest.mark.requirement("RFC 9068 §4: iss, aud, exp and the required claims are checked")
@pytest.mark.parametrize("name", CLAIMS)
def test_a_correctly_signed_token_with_a_bad_claim_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken):
        verify(ES256.token(claims(**CLAIMS[name])))


GOOD_CLAIMS: dict[str, dict[str, Any]] = {
    "aud among several": {"aud": ["https://other.example", AUDIENCE]},
    "exp within the leeway": {"exp": SECONDS - 29},
    "exp with a fraction": {"exp": SECONDS + 0.5},
    "iat within the leeway": {"iat": SECONDS + 30},
    "nbf within the leeway": {"nbf": SECONDS + 30},
    "exp at the end of the calendar": {"exp": int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())},
}


@pytest.mark.requirement("RFC 9068 §4: a small leeway for clock skew")
@pytest.mark.parametrize("name", GOOD_CLAIMS)
def test_claims_at_the_edge_of_validity_are_accepted(name: str) -> None:
    assert verify(ES256.token(claims(**GOOD_CLAIMS[name]))).jti == "token-1"


@pytest.mark.parametrize("scope", [None, ""])
def test_a_token_without_scope_grants_none(scope: str | None) -> None:
    assert verify(ES256.token(claims(scope=scope))).scope == frozenset()


def hs256_with(secret: bytes) -> str:
    signing_input = f"{encode({**ES256.header, 'alg': 'HS256'})}.{encode(claims())}"
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def flip_last_bit(token: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


GOOD = ES256.token(claims())
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")
FORGERIES: dict[str, Callable[[], str]] = {
    "no signature": lambda: f"{HEADER}.{PAYLOAD}.",
    "unsecured": lambda: f"{encode({**ES256.header, 'alg': 'none'})}.{encode(claims())}.",
    "HS256 with the public key": lambda: hs256_with(json.dumps(ES256.jwk).encode()),
    "HS256 with an empty key": lambda: hs256_with(b""),
    "another payload": lambda: f"{HEADER}.{encode(claims(sub='root'))}.{SIGNATURE}",
    "another header": lambda: f"{encode({**ES256.header, 'x': 1})}.{PAYLOAD}.{SIGNATURE}",
    "another key": lambda: signer("ES256", "foreign").token(claims(), ES256.header),
    "a zero signature": lambda: f"{HEADER}.{PAYLOAD}.{encode(bytes(64))}",
    "a short signature": lambda: f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-4]}",
    "a long signature": lambda: f"{HEADER}.{PAYLOAD}.{SIGNATURE}AAAA",
    "stray bits in the signature": lambda: flip_last_bit(GOOD),
    "padding": lambda: GOOD + "==",
    "plain base64": lambda: f"{HEADER}.{PAYLOAD}.{base64.b64encode(b'?>' * 32).decode()}",
    "a line break": lambda: GOOD + "\n",
    "a space inside": lambda: f"{HEADER} .{PAYLOAD}.{SIGNATURE}",
    "two parts": lambda: f"{HEADER}.{PAYLOAD}",
    "four parts": lambda: f"{GOOD}.{SIGNATURE}",
    "five parts": lambda: f"{GOOD}.{SIGNATURE}.{SIGNATURE}",
    "not ASCII": lambda: GOOD[:-1] + "é",
    "a surrogate": lambda: GOOD[:-1] + "\ud800",
    "nothing": lambda: "",
    "dots": lambda: "..",
    "too long": lambda: ES256.token(claims(padding="x" * 20_000)),
    "a header that is a list": lambda: ES256.token(claims(), b"[]"),
    "a header that is no UTF-8": lambda: ES256.token(claims(), b'{"alg":"\xff"}'),
    "a header nested deeply": lambda: ES256.token(claims(), b"[" * 8_000),
    "a repeated header": lambda: ES256.token(claims(), b'{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"k1"}'),
    "a payload that is a string": lambda: ES256.token(b'"claims"'),
    "a repeated claim": lambda: ES256.token(json.dumps(claims()).replace('"sub"', '"sub": "root", "sub"').encode()),
    "a claim that is NaN": lambda: ES256.token(json.dumps(claims(exp=float("nan"))).encode()),
    "a claim that is infinite": lambda: ES256.token(json.dumps(claims()).replace(str(SECONDS + 300), "1e999").encode()),
}


@pytest.mark.requirement("RFC 7515 §5.2: what is not a well-formed, correctly signed JWS is refused")
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_or_malformed_token_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken):
        verify(FORGERIES[name]())


@pytest.mark.requirement("RFC 8725 §3.1: each key is used with exactly one algorithm")
def test_an_rsa_key_made_for_ps256_does_not_verify_rs256() -> None:
    rsa = signer("RS256")
    keys = KeySet.from_jwks({"keys": [{**rsa.jwk, "alg": "PS256"}]})

    with pytest.raises(InvalidToken):
        verify(rsa.token(claims()), key_set=keys)


@pytest.mark.requirement("security 28: algorithms from an allow-list per use")
def test_an_algorithm_outside_the_callers_allow_list_is_refused() -> None:
    with pytest.raises(InvalidToken):
        verify(GOOD, algorithms=frozenset({"RS256"}))


def test_only_an_unknown_key_name_asks_for_a_newer_key_set() -> None:
    unknown = ES256.token(claims(), {**ES256.header, "kid": "k2"})
    misused = ES256.token(claims(), {**ES256.header, "alg": "RS256"})

    with pytest.raises(UnknownKey):
        verify(unknown)
    with pytest.raises(InvalidToken) as refusal:
        verify(misused)
    assert not isinstance(refusal.value, UnknownKey)


def test_the_reason_of_a_refusal_repeats_nothing_from_the_token() -> None:
    canary = "canary\r\nlevel=error"

    with pytest.raises(InvalidToken) as refusal:
        verify(ES256.token(claims(), {**ES256.header, "kid": canary}))

    assert "canary" not in refusal.value.reason
