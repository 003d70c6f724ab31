"""Checking JWTs that we signed. RFC 7515, RFC 8725.

The algorithm comes from our own key, never from the header; ``kid`` is a lookup key and nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from valetkey.core.errors import InvalidToken
from valetkey.core.keys import SUPPORTED_ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_TOKEN_LENGTH = 8192
# The library would take padding as well; one token has one spelling.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})
_JWS = jwt.PyJWS(algorithms=list(SUPPORTED_ALGORITHMS))


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it is for."""

    alg: str
    public_key: EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The published keys by kid."""

    keys: Mapping[str, VerificationKey]

    @classmethod
    def parse(cls, jwks: Mapping[str, Sequence[Mapping[str, str]]]) -> KeySet:
        """Read a JWK Set that the key rotation job published. RFC 7517 §5."""
        keys = {}
        for jwk in jwks["keys"]:
            algorithm = ECAlgorithm if jwk["kty"] == "EC" else RSAAlgorithm
            keys[jwk["kid"]] = VerificationKey(jwk["alg"], algorithm.from_jwk(dict(jwk)))  # type: ignore[arg-type]
        return cls(MappingProxyType(keys))


def verify_signature(token: str, key_set: KeySet, typ: str) -> dict[str, object]:
    """The claims of a JWT of this ``typ`` that one of our keys signed; ``InvalidToken`` for anything else. RFC 8725 §3.

    Says nothing about time, audience or revocation. Only the header members that we write are accepted, which leaves no
    room for ``jwk``, ``jku``, ``x5u``, ``x5c``, ``crit`` or ``b64``.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken("token is too long")
    if not _COMPACT.fullmatch(token):
        raise InvalidToken("token is not a JWT")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken("token is not a JWT") from error
    key = key_set.keys.get(str(header.get("kid")))
    if key is None:
        raise InvalidToken("kid is unknown")
    if not header.keys() <= _HEADER_MEMBERS or header.get("typ") != typ or header.get("alg") != key.alg:
        raise InvalidToken("token header is not one that we write")
    try:
        claims = json.loads(_JWS.decode(token, key.public_key, algorithms=[key.alg]))
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken("signature or claims do not hold") from error
    if not isinstance(claims, dict):
        raise InvalidToken("claims are not an object")
    return claims


def require_issued_by(claims: Mapping[str, object], issuer: str) -> None:
    """Raise ``InvalidToken`` unless ``iss`` is ours, byte for byte."""
    if claims.get("iss") != issuer:
        raise InvalidToken("iss is not ours")


def require_unexpired(claims: Mapping[str, object], now: datetime) -> None:
    """Raise ``InvalidToken`` once ``exp`` has come. RFC 7519 §4.1.4: there is no leeway for our own clock."""
    expires_at = claims.get("exp")
    if not isinstance(expires_at, int) or now.timestamp() >= expires_at:
        raise InvalidToken("token has expired")
