"""Signature checks of our own access tokens, remembered by the hash of the token.

Those asked about lately are kept whole. Of a hundred thousand others it is known that their signature held, which is
most of what a check costs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.bounded_cache import BoundedCache
from valetkey.core.jose.verify_own import (
    MAX_ACCESS_TOKEN_LENGTH,
    read_verified_claims,
    require_issued_by,
    require_unexpired,
)
from valetkey.core.oauth.access_token import EPOCHS, TOKEN_USE, AccessToken, verify_access_token
from valetkey.core.oauth.errors import InvalidScope, InvalidToken
from valetkey.core.oauth.revocation import RevocationTarget, targets_of
from valetkey.introspection.signature_cache import SignatureCache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from valetkey.core.jose.verify_own import KeySet
    from valetkey.core.ports.keys import KeySetSource

MAX_TOKENS = 10_240
MAX_BYTES = 32 << 20
# What the tokens of one client may take while room is short.
SHARE = 0.25
# Of a token without names, with its place in the cache; and of a name that no other token shares.
_TOKEN_BYTES, _NAME_BYTES = 1700, 70
# What only we read.
_PRIVATE = {EPOCHS, TOKEN_USE, "userinfo_claims"}


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that one of our keys signed, with what is asked and answered about it every time.

    ``answer`` is the introspection response for as long as the token is active. RFC 7662 §2.2.
    """

    token: AccessToken
    targets: tuple[RevocationTarget, ...]
    answer: bytes


class VerifiedTokens:
    """Checks a token once; later it costs one hash. Only valid tokens are kept, so forged ones cannot fill the memory.

    A client that has tokens made and introspected without end displaces its own tokens, not those of others.
    """

    def __init__(self, keys: KeySetSource, issuer: str, size: int = MAX_TOKENS, *, max_bytes: int = MAX_BYTES) -> None:
        self._keys = keys
        self._issuer = issuer
        self._verified: BoundedCache[bytes, VerifiedToken] = BoundedCache(entries=size, size=max_bytes, share=SHARE)
        self._held = SignatureCache()
        self._verified_with: KeySet | None = None

    def verify(self, value: str, now: datetime) -> VerifiedToken:
        """The token, if we issued it and it has not expired; ``InvalidToken`` otherwise. RFC 9068 §4.

        Says nothing about audience or revocation.
        """
        key_set = self._keys.key_set
        if key_set is not self._verified_with:
            # A key that was taken out of the set takes its tokens with it.
            self._verified.clear()
            self._held = SignatureCache()
            self._verified_with = key_set
        if len(value) > MAX_ACCESS_TOKEN_LENGTH:
            raise InvalidToken("token is too long")
        digest = hashlib.sha256(value.encode()).digest()
        verified = self._verified.find(digest)
        if verified is None:
            claims = read_verified_claims(value) if digest in self._held else verify_access_token(value, key_set)
            verified = _read(claims, self._issuer, now)
            for dropped in self._verified.put(digest, verified, owner=verified.token.client_id, size=_size(verified)):
                self._held.add(dropped)
        elif now >= verified.token.expires_at:
            self._verified.discard(digest)
            raise InvalidToken("token has expired")
        return verified

    def __len__(self) -> int:
        return len(self._verified)

    @property
    def size(self) -> int:
        """Bytes, by its own count."""
        return self._verified.size


def _read(claims: Mapping[str, object], issuer: str, now: datetime) -> VerifiedToken:
    require_issued_by(claims, issuer)
    require_unexpired(claims, now)
    try:
        token = AccessToken.from_claims(claims)
    except InvalidScope as error:
        raise InvalidToken("scope is not ours") from error
    answer = {"active": True, "token_type": "Bearer"} | {name: claims[name] for name in claims if name not in _PRIVATE}
    return VerifiedToken(
        token=token,
        targets=targets_of(token),
        # Not with orjson, whose texts keep the four kilobytes that they were written into.
        answer=json.dumps(answer, separators=(",", ":")).encode("ascii"),
    )


def _size(verified: VerifiedToken) -> int:
    """Bytes; at most what it takes where no other token is like it."""
    token = verified.token
    names = (token.subject, token.client_id, *token.scope, *token.audience, *token.userinfo_claims)
    return _TOKEN_BYTES + len(verified.answer) + sum(map(len, names)) + _NAME_BYTES * len(names)
