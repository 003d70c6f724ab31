"""The public part of signing keys: states, the JWK Set, and the kid. RFC 7517, RFC 7638.

Making and using private keys is in ``signing``; keeping them sealed is in ``sealed_key``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from valetkey.core.encoding import b64url_encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

SUPPORTED_ALGORITHMS = ("ES256", "RS256")
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


class KeyState(StrEnum):
    """Published but not signing; signing; published until the last token it signed has expired."""

    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A signing key without its private part. Times are UTC.

    ``retire_until`` is set when the key retires: the moment the last token it signed has expired.
    """

    kid: str
    alg: str
    state: KeyState
    jwk: Mapping[str, str]
    created_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None
    retire_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyObservation:
    """What one replica reported about the JWK Set it serves or verifies with. Times are UTC.

    ``serving_since`` is when it took this set up, or the epoch where it never served an older one.
    """

    replica_id: str
    service: str
    kids: frozenset[str]
    serving_since: datetime
    seen_at: datetime


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a public key, which is its ``kid`` here. RFC 7638 §3."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return b64url_encode(hashlib.sha256(canonical.encode()).digest())


def jwk_set(keys: Iterable[PublicKey]) -> dict[str, list[dict[str, str]]]:
    """The JWK Set to publish: every key there is, whatever its state, the oldest first. RFC 7517 §5."""
    ordered = sorted(keys, key=lambda key: (key.created_at, key.kid))
    return {"keys": [dict(key.jwk) | {"kid": key.kid, "alg": key.alg, "use": "sig"} for key in ordered]}
