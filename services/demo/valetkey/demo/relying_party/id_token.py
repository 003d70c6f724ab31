"""ID tokens, checked as OIDC Core §3.1.3.7 asks of a relying party."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

_ALGORITHMS = ("ES256", "RS256")
_LEEWAY = 10
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")


class IdTokenError(Exception):
    """The ID token proves nothing; the message says which check failed."""


class UnknownKeyError(IdTokenError):
    """The ID token names a key that is not in the JWK Set, which may just be older than the token."""


def verify_id_token(
    id_token: str,
    jwks: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str | None,
    access_token: str,
) -> dict[str, Any]:
    """The claims, once every check holds; ``nonce`` is None after a refresh. Raises ``IdTokenError``."""
    try:
        header = jwt.get_unverified_header(id_token)
        key, algorithm = _find_key(jwks, header.get("kid"))
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=_LEEWAY,
            options={"require": list(_REQUIRED)},
        )
    except jwt.PyJWTError as error:
        raise IdTokenError(f"the ID token does not verify: {error}") from error
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise IdTokenError("the ID token was issued to another client")
    if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise IdTokenError("the ID token answers another request: its nonce differs")
    if "at_hash" in claims and claims["at_hash"] != at_hash(access_token):
        raise IdTokenError("the ID token belongs to another access token: its at_hash differs")
    return claims


def at_hash(access_token: str) -> str:
    """The left half of the access token's SHA-256, base64url. OIDC Core §3.1.3.6."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def _find_key(jwks: Mapping[str, Any], kid: object) -> tuple[jwt.PyJWK, str]:
    for jwk in jwks.get("keys", ()):
        # The algorithm comes from the key, never from the token. RFC 8725 §3.1.
        if jwk.get("kid") == kid and jwk.get("alg") in _ALGORITHMS:
            return jwt.PyJWK.from_dict(jwk), jwk["alg"]
    raise UnknownKeyError("the ID token names a key that the issuer does not publish")
