"""ID tokens of ours that come back as hints, and what only looks like one."""

from uuid import uuid4

import pytest

from valetkey.authorize.flow.id_token_hint import hinted_subject, read_hint
from valetkey.core.jose.sign import SigningKey, generate_private_key, kid_of, public_jwk, sign
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth.errors import InvalidRequest, InvalidToken

ISSUER = "https://login.example"
SUBJECT = uuid4()


def make_key() -> SigningKey:
    private_key = generate_private_key("ES256")
    return SigningKey(kid_of(private_key), "ES256", private_key)


KEY, FOREIGN_KEY = make_key(), make_key()
KEY_SET = KeySet.parse({"keys": [{**public_jwk(KEY.private_key), "kid": KEY.kid, "alg": "ES256"}]})
CLAIMS: dict[str, object] = {"iss": ISSUER, "sub": str(SUBJECT), "aud": "web", "exp": 1, "sid": str(uuid4())}


def hint(key: SigningKey = KEY, typ: str = "JWT", **changes: object) -> str:
    return sign(CLAIMS | changes, key, typ)


@pytest.mark.requirement("OIDC Core §3.1.2.1: an expired ID token is a hint all the same")
def test_an_expired_id_token_says_who_is_meant() -> None:
    assert hinted_subject(hint(exp=1), KEY_SET, ISSUER, "web") == SUBJECT


@pytest.mark.requirement("security 44: a foreign or unsigned hint is not believed")
@pytest.mark.parametrize(
    "token",
    [
        hint(FOREIGN_KEY),
        hint(SigningKey(KEY.kid, "ES256", FOREIGN_KEY.private_key)),
        hint(typ="at+jwt"),
        hint(iss="https://evil.example"),
        hint(iss=f"{ISSUER}/"),
        hint(aud="another"),
        hint(aud=["web"]),
        hint(sub="ä" * 3),
        f"{hint().rpartition('.')[0]}.",
        f"{hint()}x",
        "eyJhbGciOiJub25lIn0.e30.",
        "x",
        "x" * 10_000,
    ],
    ids=[
        "another signer", "another signer under our kid", "an access token", "another issuer", "almost our issuer",
        "another client", "a list of clients", "no subject of ours", "unsigned",
        "altered", "alg none", "no JWT", "long",
    ],
)  # fmt: skip
def test_anything_else_is_an_invalid_request(token: str) -> None:
    with pytest.raises(InvalidRequest):
        hinted_subject(token, KEY_SET, ISSUER, "web")


def test_a_logout_hint_may_be_for_any_client_but_must_be_ours() -> None:
    assert read_hint(hint(aud="another"), KEY_SET, ISSUER)["aud"] == "another"
    with pytest.raises(InvalidToken):
        read_hint(hint(FOREIGN_KEY), KEY_SET, ISSUER)
