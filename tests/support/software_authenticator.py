"""An authenticator made of software: answers as browsers and security keys do, or wrongly in one way at a time."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from valetkey.core.encoding import b64url_decode, b64url_encode

EDDSA, ES256, RS256 = -8, -7, -257
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Flags:
    """User present, user verified, backup eligible, backed up. WebAuthn §6.1."""

    up: bool = True
    uv: bool = True
    be: bool = False
    bs: bool = False

    def byte(self, *, attested: bool) -> int:
        """As authenticators write them."""
        return self.up | self.uv << 2 | self.be << 3 | self.bs << 4 | attested << 6


@dataclass(slots=True)
class SoftwareAuthenticator:
    """One credential on one device, asked by a page of ``origin``."""

    origin: str
    alg: int = ES256
    flags: Flags = field(default_factory=Flags)
    sign_count: int = 1
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes | None = None
    key: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        """Make a key of the algorithm."""
        self.key = new_key(self.alg)

    def create(self, options: str, **wrong: Any) -> str:  # noqa: ANN401
        """The answer to registration options, as JSON. ``wrong`` replaces parts of it."""
        asked = json.loads(options)
        self.user_handle = b64url_decode(asked["user"]["id"])
        client_data = self._client_data("webauthn.create", asked["challenge"], wrong)
        flags = wrong.get("flags", self.flags).byte(attested=True)
        key = cbor2.dumps(wrong.get("cose_key", cose_key(self.key, self.alg)))
        attested = (
            wrong.get("aaguid", bytes(16)) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        )
        data = self._head(wrong.get("rp_id", asked["rp"]["id"]), flags) + attested
        statement = wrong.get("statement", {})
        if wrong.get("self_attested"):
            statement = {"alg": self.alg, "sig": self._sign(data + hashlib.sha256(client_data).digest())}
        attestation = {"fmt": wrong.get("fmt", "none"), "attStmt": statement, "authData": data}
        response = {
            "clientDataJSON": b64url_encode(client_data),
            "attestationObject": b64url_encode(wrong.get("attestation_object", cbor2.dumps(attestation))),
            "transports": wrong.get("transports", ["internal", "hybrid"]),
        }
        return self._answer(response)

    def get(self, options: str, **wrong: Any) -> str:  # noqa: ANN401
        """The answer to assertion options, as JSON. ``wrong`` replaces parts of it."""
        asked = json.loads(options)
        client_data = self._client_data("webauthn.get", asked["challenge"], wrong)
        flags = wrong.get("flags", self.flags).byte(attested=False)
        self.sign_count = wrong.get("sign_count", self.sign_count + 1 if self.sign_count else 0)
        data = self._head(wrong.get("rp_id", asked["rpId"]), flags)
        signature = self._sign(data + hashlib.sha256(client_data).digest())
        response = {
            "clientDataJSON": b64url_encode(wrong.get("sent_client_data", client_data)),
            "authenticatorData": b64url_encode(wrong.get("sent_data", data)),
            "signature": b64url_encode(wrong.get("signature", signature)),
        }
        if (handle := wrong.get("user_handle", self.user_handle)) is not None:
            response["userHandle"] = b64url_encode(handle)
        return self._answer(response)

    def like(self, **changes: Any) -> SoftwareAuthenticator:  # noqa: ANN401
        """Another one that has the same key, such as a clone."""
        other = replace(self, **changes)
        other.key = self.key
        return other

    def _client_data(self, kind: str, challenge: str, wrong: dict[str, Any]) -> bytes:
        said = {
            "type": wrong.get("type", kind),
            "challenge": wrong.get("challenge", challenge),
            "origin": wrong.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(said | wrong.get("client_data", {}), separators=(",", ":")).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        name = b64url_encode(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "authenticatorAttachment": "platform",
                "clientExtensionResults": {},
            }
        )

    def _head(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _sign(self, data: bytes) -> bytes:
        match self.key:
            case ec.EllipticCurvePrivateKey():
                return self.key.sign(data, ec.ECDSA(SHA256()))
            case rsa.RSAPrivateKey():
                return self.key.sign(data, padding.PKCS1v15(), SHA256())
            case _:
                return self.key.sign(data)


def new_key(alg: int) -> PrivateKey:
    """A private key for a COSE algorithm."""
    match alg:
        case -8:
            return ed25519.Ed25519PrivateKey.generate()
        case -257:
            return rsa.generate_private_key(65537, 2048)
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def cose_key(key: PrivateKey, alg: int) -> dict[int, Any]:
    """The public key as authenticators write it. RFC 9053 §7, RFC 8230 §4."""
    match key.public_key():
        case ec.EllipticCurvePublicKey() as public:
            size, numbers = (public.curve.key_size + 7) // 8, public.public_numbers()
            curve = {"secp256r1": 1, "secp384r1": 2}[public.curve.name]
            return {1: 2, 3: alg, -1: curve, -2: numbers.x.to_bytes(size, "big"), -3: numbers.y.to_bytes(size, "big")}
        case rsa.RSAPublicKey() as public:
            return {
                1: 3,
                3: alg,
                -1: _big_endian(public.public_numbers().n),
                -2: _big_endian(public.public_numbers().e),
            }
        case public:
            return {1: 1, 3: alg, -1: 6, -2: public.public_bytes_raw()}


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
