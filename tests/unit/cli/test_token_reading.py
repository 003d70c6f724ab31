from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.cli.token_reading import TokenKind, distance, explained_claims, read_token, verify_reading
from valetkey.core.jose.sign import SigningKey, generate_private_key, kid_of, public_jwk, sign
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth import access_token
from valetkey.core.oauth.refresh_token import RefreshToken, RefreshTokenCodec
from valetkey.core.oidc import id_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER = "https://id.example"
PRIVATE_KEY = generate_private_key("ES256")
KEY = SigningKey(kid_of(PRIVATE_KEY), "ES256", PRIVATE_KEY)
KEYS = KeySet.parse({"keys": [public_jwk(PRIVATE_KEY) | {"kid": KEY.kid, "alg": "ES256"}]})
CLAIMS = {"iss": ISSUER, "sub": "ada", "exp": int(NOW.timestamp()) + 600, "iat": int(NOW.timestamp())}
OTHER_KEY = SigningKey(KEY.kid, "ES256", generate_private_key("ES256"))


@pytest.mark.parametrize(
    ("typ", "kind"),
    [
        (access_token.TYP, TokenKind.ACCESS_TOKEN),
        (id_token.TYP, TokenKind.ID_TOKEN),
        ("secevent+jwt", TokenKind.OTHER_JWT),
    ],
)
def test_a_jwt_is_told_by_its_type(typ: str, kind: TokenKind) -> None:
    reading = read_token(sign(CLAIMS, KEY, typ))

    assert reading.kind is kind
    assert reading.claims == CLAIMS
    assert reading.header["kid"] == KEY.kid
    assert not reading.is_verified


def test_a_refresh_token_is_opaque() -> None:
    value = RefreshTokenCodec([bytes(range(32))]).encode(RefreshToken(uuid4(), 1))

    reading = read_token(value)

    assert reading.kind is TokenKind.REFRESH_TOKEN
    assert not reading.claims


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "x" * 100_000, "eyJhbGciOiJub25lIn0.W10."])
def test_anything_else_is_unknown_and_says_why(text: str) -> None:
    reading = read_token(text)

    assert reading.kind is TokenKind.UNKNOWN
    assert reading.problems


@given(st.text(max_size=300) | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]*", fullmatch=True))
def test_any_text_can_be_read(text: str) -> None:
    assert read_token(text).kind in TokenKind


def test_a_token_of_the_issuer_holds() -> None:
    token = sign(CLAIMS, KEY, access_token.TYP)

    reading = verify_reading(token, read_token(token), KEYS, ISSUER, NOW)

    assert reading.is_verified
    assert not reading.problems


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (sign(CLAIMS | {"exp": int(NOW.timestamp())}, KEY, access_token.TYP), "token has expired"),
        (sign(CLAIMS | {"iss": "https://evil.example"}, KEY, access_token.TYP), "iss is not ours"),
        (sign(CLAIMS, OTHER_KEY, access_token.TYP), "signature does not hold"),
        (jwt.encode(CLAIMS, "", "none", {"typ": "at+jwt", "kid": KEY.kid}), "token header is not one that we write"),
        (sign(CLAIMS, KEY, "secevent+jwt"), "nothing that published keys could verify"),
    ],
    ids=["expired", "another issuer", "another key", "unsigned", "another kind"],
)
def test_a_token_that_does_not_hold_says_why(token: str, problem: str) -> None:
    reading = verify_reading(token, read_token(token), KEYS, ISSUER, NOW)

    assert reading.problems == (problem,)


def test_every_reason_not_to_believe_a_token_is_given() -> None:
    token = sign({"iss": "x", "exp": 1}, OTHER_KEY, access_token.TYP)

    assert len(verify_reading(token, read_token(token), KEYS, ISSUER, NOW).problems) == 3


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=600), "in 10 min"),
        (timedelta(seconds=59), "in 59 s"),
        (timedelta(hours=-3), "3 h ago"),
        (timedelta(days=400), "in 400 d"),
        (timedelta(0), "0 s ago"),
    ],
)
def test_times_say_how_far_away_they_are(away: timedelta, words: str) -> None:
    assert distance(NOW + away, NOW) == words


def test_claims_are_explained_and_nonsense_is_left_alone() -> None:
    claims = {"exp": int(NOW.timestamp()) + 600, "iat": True, "auth_time": 10**30, "sub": "1772366400"}

    assert explained_claims(claims, NOW) == {
        "exp": "2026-03-01T12:10:00Z (in 10 min)",
        "iat": True,
        "auth_time": 10**30,
        "sub": "1772366400",
    }
