"""Proof Key for Code Exchange, S256 only. RFC 7636, OAuth 2.1 §4.1.1."""

from __future__ import annotations

import hashlib
import hmac
import re

from valetkey.core.encoding import b64url_encode
from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidGrant, InvalidRequest

S256 = "S256"
# Of a code for a client that sent no challenge and may do without: no digest equals it.
NO_CHALLENGE = ""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def require_challenge(challenge: str | None, method: str | None) -> str:
    """The code challenge of an authorization request. RFC 7636 §4.3.

    Raises ``InvalidRequest`` where it is missing, malformed or not S256.
    """
    if challenge is None:
        raise InvalidRequest.of(causes.CODE_CHALLENGE_MISSING)
    # Stricter than RFC 7636 §4.3: plain is refused, and so is the omitted method that means plain (RFC 9700 §2.1.1).
    if method != S256:
        raise InvalidRequest.of(causes.CHALLENGE_METHOD_NOT_S256)
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest.of(causes.CHALLENGE_MALFORMED)
    return challenge


def challenge_or_none(challenge: str | None, method: str | None) -> str:
    """The same for a client that may do without PKCE: ``NO_CHALLENGE`` where it sends none. OAuth 2.1 §7.5.1."""
    return NO_CHALLENGE if challenge is None and method is None else require_challenge(challenge, method)


def challenge_of(verifier: str) -> str:
    """The S256 challenge that this verifier answers; ``InvalidGrant`` if it breaks the grammar. RFC 7636 §4.2."""
    if not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant("code_verifier breaks the grammar")
    return b64url_encode(hashlib.sha256(verifier.encode("ascii")).digest())


def challenges_match(computed: str, expected: str) -> bool:
    """Whether the challenge computed from the verifier is the one of the request, in constant time. RFC 7636 §4.6."""
    return hmac.compare_digest(computed.encode(), expected.encode())
