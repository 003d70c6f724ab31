"""Forged tokens: security items 28 and 29, at every endpoint that reads one."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.eventually import eventually
from support.relying_party import RelyingParty
from support.rfc9068 import Signer, encode, signer
from support.system import System, rotate
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of, header_of
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.jose.sign import from_pkcs8
from valetkey.storage.postgres.tables.signing_keys import KeyStore

SCOPE = "openid offline_access api:read"


@dataclass(frozen=True)
class Forge:
    """A good token, what it was signed with, and foreign keys."""

    token: str
    key: Signer
    rsa: Signer

    @property
    def header(self) -> dict[str, Any]:
        return header_of(self.token)

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.token)

    def signed(self, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
        """Signed by us, with members changed; None takes one out."""
        return self.key.token(
            {name: value for name, value in (self.claims | dict(claims or {})).items() if value is not None},
            {name: value for name, value in (self.header | dict(header or {})).items() if value is not None},
        )

    def unsigned(self, **header: Any) -> str:  # noqa: ANN401 - JSON
        return f"{encode(self.header | header)}.{encode(self.claims)}."

    def with_hmac(self, secret: bytes, **header: Any) -> str:  # noqa: ANN401 - JSON
        signing_input = f"{encode(self.header | {'alg': 'HS256'} | header)}.{encode(self.claims)}"
        return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), sha256))}"

    def by(self, key: Signer, **header: Any) -> str:  # noqa: ANN401 - JSON
        """Signed with a foreign key in our name."""
        return key.token(self.claims, self.header | {"alg": key.alg} | header)


@pytest.fixture(scope="module")
def compromised(start_system: StartSystem) -> System:
    """A system whose keys an attacker has."""
    return start_system()


@pytest.fixture(scope="session")
def signing_keys(system: System) -> dict[str, Signer]:
    """The keys that the system signs with, by algorithm."""

    async def read() -> dict[str, Signer]:
        sealer = KeySealer(dict(system.settings.key_encryption_keys.reveal()))
        async with system.administration.database() as database:
            return {
                stored.public.alg: Signer(
                    stored.public.kid,
                    stored.public.alg,
                    from_pkcs8(sealer.open(stored.public.kid, stored.sealed)),
                )
                for stored in await KeyStore(database).active_keys()
            }

    return system.run(read())


@pytest.fixture
async def forge(party: RelyingParty, signing_keys: dict[str, Signer]) -> Forge:
    token = (await party.log_in(scope=SCOPE)).access_token
    return Forge(token, signing_keys["ES256"], signing_keys["RS256"])


async def require_refused(forge: Forge, token: str, party: RelyingParty, api: RelyingParty) -> None:
    """No reader of tokens accepts this one, and it revokes nothing."""
    for reader in (api, party):
        assert (await reader.introspect(token)).body == {"active": False}
    userinfo = await party.userinfo(token)
    assert userinfo.error in {"invalid_token", "invalid_request"}
    assert "sub" not in userinfo.body
    assert (await party.revoke(token)).status == 200
    assert (await api.introspect(forge.token)).active


def public_pem(forge: Forge) -> bytes:
    key: Any = forge.key.private_key.public_key()
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def foreign_key(alg: str = "ES256") -> Signer:
    return signer(alg, "foreign")


def der_signed(forge: Forge) -> str:
    signing_input = forge.token.rpartition(".")[0]
    key: Any = forge.key.private_key
    return f"{signing_input}.{encode(key.sign(signing_input.encode(), ec.ECDSA(SHA256())))}"


FORGERIES: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda forge: forge.unsigned(alg="none"),
    "alg None": lambda forge: forge.unsigned(alg="None"),
    "alg none without kid": lambda forge: f"{encode({'alg': 'none', 'typ': 'at+jwt'})}.{encode(forge.claims)}.",
    "alg none over a good signature": lambda forge: forge.signed({"alg": "none"}),
    "alg empty": lambda forge: forge.unsigned(alg=""),
    "alg missing": lambda forge: forge.signed({"alg": None}),
    "alg a list": lambda forge: forge.signed({"alg": ["ES256"]}),
    "alg lower case": lambda forge: forge.signed({"alg": "es256"}),
    "HS256 with the public key as PEM": lambda forge: forge.with_hmac(public_pem(forge)),
    "HS256 with the public key as JWK": lambda forge: forge.with_hmac(json.dumps(forge.key.jwk).encode()),
    "HS256 with the kid": lambda forge: forge.with_hmac(forge.key.kid.encode()),
    "HS256 with nothing": lambda forge: forge.with_hmac(b""),
    "RS256 over the EC key": lambda forge: forge.signed({"alg": "RS256"}),
    "PS256 by our RSA key": lambda forge: replace(forge.rsa, alg="PS256").token(
        forge.claims, forge.header | {"alg": "PS256", "kid": forge.rsa.kid}
    ),
    "RS512 by our RSA key": lambda forge: replace(forge.rsa, alg="RS512").token(
        forge.claims, forge.header | {"alg": "RS512", "kid": forge.rsa.kid}
    ),
    "another curve": lambda forge: forge.by(foreign_key("ES384")),
    "another key in our name": lambda forge: forge.by(foreign_key()),
    "another key and its kid": lambda forge: forge.by(foreign_key(), kid="foreign"),
    "EdDSA": lambda forge: forge.by(foreign_key("EdDSA")),
    "own key in jwk": lambda forge: forge.by(foreign_key(), jwk=foreign_key().jwk),
    "own key in jwk without kid": lambda forge: foreign_key().token(
        forge.claims, {"alg": "ES256", "typ": "at+jwt", "jwk": foreign_key().jwk}
    ),
    "our key in jwk": lambda forge: forge.signed({"jwk": forge.key.jwk}),
    "jku": lambda forge: forge.signed({"jku": "http://127.0.0.1:9/jwks"}),
    "x5u": lambda forge: forge.signed({"x5u": "http://127.0.0.1:9/x"}),
    "x5c": lambda forge: forge.signed({"x5c": ["MIIB"]}),
    "x5t": lambda forge: forge.signed({"x5t": "AAAA"}),
    "crit unknown": lambda forge: forge.signed({"crit": ["exp"], "exp": 1}),
    "crit empty": lambda forge: forge.signed({"crit": []}),
    "b64 false": lambda forge: forge.signed({"crit": ["b64"], "b64": False}),
    "b64 true": lambda forge: forge.signed({"b64": True}),
    "zip": lambda forge: forge.signed({"zip": "DEF"}),
    "cty": lambda forge: forge.signed({"cty": "JWT"}),
    "typ JWT": lambda forge: forge.signed({"typ": "JWT"}),
    "typ missing": lambda forge: forge.signed({"typ": None}),
    "typ logout+jwt": lambda forge: forge.signed({"typ": "logout+jwt"}),
    "typ in other letters": lambda forge: forge.signed({"typ": "AT+JWT"}),
    "kid missing": lambda forge: forge.signed({"kid": None}),
    "kid empty": lambda forge: forge.signed({"kid": ""}),
    "kid a path": lambda forge: forge.signed({"kid": "../../../../dev/null"}),
    "kid a URL": lambda forge: forge.signed({"kid": "http://127.0.0.1:9/"}),
    "kid SQL": lambda forge: forge.signed({"kid": "' OR 1=1 --"}),
    "kid with NUL": lambda forge: forge.signed({"kid": forge.key.kid + "\0"}),
    "kid a number": lambda forge: forge.signed({"kid": 1}),
    "kid a list": lambda forge: forge.signed({"kid": [forge.key.kid]}),
    "kid of the other key": lambda forge: forge.signed({"kid": forge.rsa.kid}),
    "another issuer": lambda forge: forge.signed(claims={"iss": "https://login.example"}),
    "issuer with a slash": lambda forge: forge.signed(claims={"iss": forge.claims["iss"] + "/"}),
    "issuer in a list": lambda forge: forge.signed(claims={"iss": [forge.claims["iss"]]}),
    "issuer missing": lambda forge: forge.signed(claims={"iss": None}),
    "expired": lambda forge: forge.signed(claims={"exp": forge.claims["iat"] - 1}),
    "expiry missing": lambda forge: forge.signed(claims={"exp": None}),
    "expiry text": lambda forge: forge.signed(claims={"exp": "9999999999"}),
    "expiry infinite": lambda forge: forge.key.token(
        json.dumps(forge.claims | {"exp": float("inf")}).encode(), forge.header
    ),
    "jti missing": lambda forge: forge.signed(claims={"jti": None}),
    "jti foreign": lambda forge: forge.signed(claims={"jti": "token-1"}),
    "sub missing": lambda forge: forge.signed(claims={"sub": None}),
    "aud missing": lambda forge: forge.signed(claims={"aud": None}),
    "client_id missing": lambda forge: forge.signed(claims={"client_id": None}),
    "scope a list": lambda forge: forge.signed(claims={"scope": ["openid"]}),
    "scope out of grammar": lambda forge: forge.signed(claims={"scope": 'open"id'}),
    "claims a list": lambda forge: forge.key.token(b"[]", forge.header),
    "claims no JSON": lambda forge: forge.key.token(b"{", forge.header),
    "claims twice": lambda forge: forge.key.token(b'{"a":1}{"a":1}', forge.header),
    "header a list": lambda forge: forge.key.token(forge.claims, b"[]"),
    "header no JSON": lambda forge: forge.key.token(forge.claims, b"{"),
    "DER signature": der_signed,
    "signature of zeros": lambda forge: f"{forge.token.rpartition('.')[0]}.{encode(bytes(64))}",
    "JSON serialization": lambda forge: json.dumps(
        dict(zip(("protected", "payload", "signature"), forge.token.split("."), strict=True))
    ),
    "JWE": lambda _: ".".join(
        [encode({"alg": "dir", "enc": "A256GCM"}), "", encode(b"iv"), encode(b"x"), encode(b"t")]
    ),
}


@pytest.mark.requirement("security 28: algorithms from an allow-list, never from the header; typ is checked")
@pytest.mark.requirement("security 29: kid is a lookup key, nothing else")
@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_good_for_nothing(
    forge: Forge, party: RelyingParty, api: RelyingParty, name: str
) -> None:
    forged = FORGERIES[name](forge)

    assert forged != forge.token
    await require_refused(forge, forged, party, api)


@pytest.mark.requirement("security 28: algorithms from an allow-list, never from the header; typ is checked")
async def test_what_the_forge_leaves_unchanged_is_good(forge: Forge, api: RelyingParty) -> None:
    for token in (
        forge.signed(),
        forge.signed(claims={"jti": base64.urlsafe_b64encode(bytes(28)).decode().rstrip("=")}),
        forge.rsa.token(forge.claims, forge.header | {"alg": "RS256", "kid": forge.rsa.kid}),
    ):
        assert (await api.introspect(token)).active


@pytest.mark.requirement("security 28: algorithms from an allow-list, never from the header; typ is checked")
async def test_tokens_die_with_their_key_and_grants_do_not(compromised: System, make_party: MakeParty) -> None:
    party = await make_party(at=compromised)
    before = await party.log_in(scope=SCOPE)
    assert (await party.introspect(before.access_token)).active

    await asyncio.to_thread(compromised.run, rotate(compromised.settings, emergency=True))

    async def is_dead() -> bool:
        return not (await party.introspect(before.access_token)).active

    await eventually(is_dead)
    assert (await party.userinfo(before.access_token)).error == "invalid_token"
    replies = [before]

    async def is_signed_anew() -> bool:
        replies.append(await party.refresh(replies[-1].refresh_token))
        return bool(header_of(replies[-1].access_token)["kid"] != header_of(before.access_token)["kid"])

    await eventually(is_signed_anew)
    assert (await party.introspect(replies[-1].access_token)).active
    assert (await party.userinfo(replies[-1].access_token)).status == 200


@pytest.mark.requirement("security 28: one kind of JWT is never taken for another")
async def test_an_id_token_is_no_access_token_and_an_access_token_is_no_id_token(
    party: RelyingParty, api: RelyingParty
) -> None:
    tokens = await party.log_in(scope=SCOPE)
    id_token, access_token = tokens.body["id_token"], tokens.access_token

    assert (await party.userinfo(id_token)).error == "invalid_token"
    assert (await party.introspect(id_token)).body == {"active": False}
    assert (await api.introspect(id_token)).body == {"active": False}
    hinted = await party.start(prompt="none", id_token_hint=access_token)
    assert "code" not in (hinted.location if hinted.is_redirect else "")


@pytest.mark.requirement("RFC 8725 §3.11: explicit typing")
async def test_every_token_says_what_it_is(party: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)

    assert header_of(tokens.access_token).keys() == {"alg", "typ", "kid"}
    assert header_of(tokens.access_token)["typ"] == "at+jwt"
    assert header_of(tokens.body["id_token"]).keys() == {"alg", "typ", "kid"}
    assert header_of(tokens.body["id_token"])["typ"] == "JWT"
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(tokens.refresh_token, options={"verify_signature": False})
