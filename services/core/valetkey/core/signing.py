"""Making signing keys and signing with them. Only the token service and the key rotation job come here. RFC 7515."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from valetkey.core.keys import thumbprint

if TYPE_CHECKING:
    from collections.abc import Mapping

RSA_BITS = 2048
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_JWS = PyJWS()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key ready to sign."""

    kid: str
    alg: str
    private_key: PrivateKey = field(repr=False)


class SignerSource(Protocol):
    """The key that signs now. This port is not among the others, so that who reads those cannot reach a private key."""

    def signer(self, alg: str) -> SigningKey:
        """The active key for this algorithm, from memory; ``TemporarilyUnavailable`` if there is none."""


def generate_private_key(alg: str) -> PrivateKey:
    """A new private key for ES256 (P-256) or RS256 (2048 bits). RFC 7518 §3."""
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if alg == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    raise ValueError(f"cannot make keys for {alg}")


def public_jwk(private_key: PrivateKey) -> dict[str, str]:
    """The public part as a JWK with only the members of its kty. RFC 7518 §6."""
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    return {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}


def kid_of(private_key: PrivateKey) -> str:
    """The key's RFC 7638 thumbprint."""
    return thumbprint(public_jwk(private_key))


def to_pkcs8(private_key: PrivateKey) -> bytes:
    """The private key as unencrypted PKCS #8 DER, which only ``sealed_key`` should ever see."""
    return private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_pkcs8(der: bytes) -> PrivateKey:
    """Read what ``to_pkcs8`` wrote; ``ValueError`` for any other kind of key."""
    key = load_der_private_key(der, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither an EC nor an RSA private key")  # noqa: TRY004 - the bytes are at fault
    return key


def sign(claims: Mapping[str, object], key: SigningKey, typ: str) -> str:
    """A compact JWS over the claims, with ``typ`` and ``kid`` in its header. RFC 7515 §3.1, RFC 8725 §3.11."""
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return _JWS.encode(payload, key.private_key, key.alg, headers={"typ": typ, "kid": key.kid})
