"""Checking JWTs that we signed. RFC 7515, RFC 8725.

The algorithm comes from our own key, never from the header; ``kid`` is a lookup key and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from valetkey.core.encoding import b64url_decode
from valetkey.core.jose.keys import SUPPORTED_ALGORITHMS
from valetkey.core.oauth.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# An ID token may have hundreds of groups; an access token is sent in one header, of which 8 kilobytes are read.
MAX_TOKEN_LENGTH = 32_768
MAX_ACCESS_TOKEN_LENGTH = 8192
# Three times what we write.
MAX_HEADER_LENGTH = 384
_PARTS = 3
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})
_JWS = jwt.PyJWS(algorithms=list(SUPPORTED_ALGORITHMS))
_ALGORITHMS = {name: _JWS.get_algorithm_by_name(name) for name in SUPPORTED_ALGORITHMS}


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

    Says nothing about time, audience or revocation.
    """
    return verify_typed(token, key_set, (typ,))[1]


def verify_typed(token: str, key_set: KeySet, types: Collection[str]) -> tuple[str, dict[str, object]]:
    """As ``verify_signature``, of any of these types; the ``typ`` and the claims.

    Only the header members that we write are accepted, which leaves no room for ``jwk``, ``jku``, ``x5u``, ``x5c``,
    ``crit`` or ``b64``.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken("token is too long")
    header, payload, signature = _split(token)
    if len(header) > MAX_HEADER_LENGTH:
        raise InvalidToken("token header is not one that we write")
    typ, kid, alg = _read_header(header)
    if typ not in types:
        raise InvalidToken("token header is not one that we write")
    key, algorithm = key_set.keys.get(kid), _ALGORITHMS.get(alg)
    if key is None:
        raise InvalidToken("kid is unknown")
    if algorithm is None or alg != key.alg:
        raise InvalidToken("token header is not one that we write")
    # One token has one spelling, so its parts are decoded strictly.
    try:
        holds = algorithm.verify(f"{header}.{payload}".encode(), key.public_key, b64url_decode(signature))
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidToken("signature does not hold") from error
    if not holds:
        raise InvalidToken("signature does not hold")
    return typ, _read_claims(payload)


def read_verified_claims(token: str) -> dict[str, object]:
    """The claims of a JWT that ``verify_signature`` has accepted before, byte for byte, with the same keys."""
    return _read_claims(_split(token)[1])


def _read_claims(segment: str) -> dict[str, object]:
    try:
        claims = json.loads(b64url_decode(segment))
    except (ValueError, RecursionError) as error:
        raise InvalidToken("claims are not JSON") from error
    if not isinstance(claims, dict):
        raise InvalidToken("claims are not an object")
    return claims


def _split(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise InvalidToken("token is not a JWT")
    header, payload, signature = parts
    return header, payload, signature


@lru_cache(64)
def _read_header(segment: str) -> tuple[str, str, str]:
    """Its ``typ``, ``kid`` and ``alg``. Tokens of one key have one header, so it is read once."""
    try:
        header = json.loads(b64url_decode(segment))
    except (ValueError, RecursionError) as error:
        raise InvalidToken("token is not a JWT") from error
    if not isinstance(header, dict) or not header.keys() <= _HEADER_MEMBERS:
        raise InvalidToken("token header is not one that we write")
    return str(header.get("typ")), str(header.get("kid")), str(header.get("alg"))


def require_issued_by(claims: Mapping[str, object], issuer: str) -> None:
    """Raise ``InvalidToken`` unless ``iss`` is ours, byte for byte."""
    if claims.get("iss") != issuer:
        raise InvalidToken("iss is not ours")


def require_unexpired(claims: Mapping[str, object], now: datetime) -> None:
    """Raise ``InvalidToken`` once ``exp`` has come. RFC 7519 §4.1.4: there is no leeway for our own clock."""
    expires_at = claims.get("exp")
    if not isinstance(expires_at, int) or now.timestamp() >= expires_at:
        raise InvalidToken("token has expired")
