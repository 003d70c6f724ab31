"""Refresh tokens: computed, not stored; and what a presented generation means. OAuth 2.1 §4.3, RFC 9700 §4.14."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from valetkey.core.encoding import b64url_decode, b64url_encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

PREFIX = "vk_rt_"
_ID_BYTES = 16
_GENERATION_BYTES = 4
_MAC_BYTES = 32
_TOKEN_BYTES = _ID_BYTES + _GENERATION_BYTES + _MAC_BYTES
# More than are ever accepted at once.
_MAX_KEYS = 64
_CONTEXT = b"valetkey refresh token v1\0"


class RefreshToken(NamedTuple):
    """Which authorization a refresh token stands for, and how often it has been rotated."""

    authorization_id: UUID
    generation: int


@dataclass(frozen=True, slots=True)
class RefreshTokenCodec:
    """Writes and reads refresh tokens: the prefix, then base64url(authorization id, generation, MAC).

    The first key writes, every key reads, so that keys can be exchanged without ending a grant. A forged token is
    refused without asking a store.
    """

    keys: Sequence[bytes] = field(repr=False)

    def encode(self, token: RefreshToken) -> str:
        """The value to hand to the client."""
        body = token.authorization_id.bytes + token.generation.to_bytes(_GENERATION_BYTES, "big")
        return PREFIX + b64url_encode(body + _mac(self.keys[0], body))

    def decode(self, value: str) -> RefreshToken | None:
        """What the value stands for; None unless one of our keys made exactly this."""
        if not value.startswith(PREFIX):
            return None
        try:
            data = b64url_decode(value[len(PREFIX) :])
        except ValueError:
            return None
        if len(data) != _TOKEN_BYTES:
            return None
        body, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if not any(hmac.compare_digest(_mac(key, body), mac) for key in self.keys):
            return None
        return RefreshToken(UUID(bytes=body[:_ID_BYTES]), int.from_bytes(body[_ID_BYTES:], "big"))


def _mac(key: bytes, body: bytes) -> bytes:
    mac = _keyed(key).copy()
    mac.update(body)
    return mac.digest()


@lru_cache(_MAX_KEYS)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, _CONTEXT, hashlib.sha256)


class Presentation(Enum):
    """What it means that a refresh token which could not be rotated was presented."""

    RETRY = "retry"
    REUSE = "reuse"
    UNKNOWN_GENERATION = "ahead"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class RefreshState:
    """The refresh state of an authorization. ``is_live`` says that nothing has ended it.

    ``since_rotation`` is how long ago it was rotated, by the clock of the store that noted the rotation.
    ``is_withheld``: no client has been given the token of this generation yet, because no answer could be made.
    """

    client_uid: UUID
    generation: int
    since_rotation: timedelta
    is_live: bool
    is_withheld: bool = False


def classify_refresh_token(
    token: RefreshToken,
    state: RefreshState | None,
    client_uid: UUID,
    grace: timedelta,
) -> Presentation:
    """Retry, reuse, or nothing of the kind. RFC 9700 §4.14.2.

    The previous generation again, by the same client, within the grace window, or however late where its successor was
    withheld: an honest retry, which gets the same successor. Anything older that our MAC proves we handed out: reuse,
    and the authorization dies. A token of another client, or of an authorization that has ended, changes nothing.

    One that we handed out and the store has not come to yet: the store was put back to an earlier state, in which a
    token that was exchanged since would be good again. So the authorization dies too.
    """
    if state is None or not state.is_live or state.client_uid != client_uid or token.generation == state.generation:
        return Presentation.DEAD
    if token.generation > state.generation:
        return Presentation.UNKNOWN_GENERATION
    in_grace = bool(grace) and state.since_rotation <= grace
    if token.generation == state.generation - 1 and (in_grace or state.is_withheld):
        return Presentation.RETRY
    return Presentation.REUSE
