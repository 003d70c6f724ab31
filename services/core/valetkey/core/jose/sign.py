"""Making signing keys and signing with them. Only the token service and the key rotation job come here. RFC 7515."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from valetkey.core.encoding import b64url
from valetkey.core.jose.keys import thumbprint
from valetkey.core.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

RSA_BITS = 2048
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PKCS1 = padding.PKCS1v15()
_COORDINATE_BYTES = 32
# More kinds of token, keys and algorithms than are ever in use at once.
_MAX_HEADERS = 64


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
    """A compact JWS over the claims, with ``typ`` and ``kid`` in its header. RFC 7515 §3.1, RFC 8725 §3.11.

    Written out because every token passes here: the library makes the header anew each time, which costs as much as a
    third of the signature. Verifying stays with the library.
    """
    signed = b"%b.%b" % (_header(typ, key.kid, key.alg), b64url(to_json(claims)))
    return (b"%b.%b" % (signed, b64url(_signature(signed, key)))).decode("ascii")


@lru_cache(_MAX_HEADERS)
def _header(typ: str, kid: str, alg: str) -> bytes:
    return b64url(to_json({"alg": alg, "kid": kid, "typ": typ}))


def _signature(data: bytes, key: SigningKey) -> bytes:
    """RFC 7518 §3.3 for RS256, §3.4 for ES256: there both integers, each as long as a coordinate."""
    if key.alg == "RS256":
        return cast("rsa.RSAPrivateKey", key.private_key).sign(data, _PKCS1, _SHA256)
    r, s = decode_dss_signature(cast("ec.EllipticCurvePrivateKey", key.private_key).sign(data, _ECDSA))
    return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
