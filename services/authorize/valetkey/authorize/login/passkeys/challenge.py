"""Challenges: what a passkey signs, so that its answer counts once, here and now. WebAuthn §13.4.3.

A challenge is a random number and a MAC of it, of the time, and of what it was made for. Nothing is kept until an
answer has been found right; who asks for challenges without end leaves nothing behind.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from valetkey.authorize.browser.keyed_mac import Mac
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_decode, b64url_encode

LIFETIME = timedelta(minutes=5)
# Replicas whose clocks differ by less than this accept each other's challenges.
SKEW = timedelta(minutes=1)
_TIME, _RANDOM, _MAC = 8, 32, 32


class Challenges:
    """Makes and checks challenges. ``context`` says what one is for: the purpose, the browser, and whose it is."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._mac = Mac(keys, "passkey challenge")

    def make(self, now: datetime, *context: str) -> bytes:
        """A challenge that no other is like: 72 bytes."""
        head = round(now.timestamp() * 1000).to_bytes(_TIME, "big") + secrets.token_bytes(_RANDOM)
        return head + b64url_decode(self._mac.make(b64url_encode(head), *context))

    def require(self, presented: bytes, now: datetime, *context: str) -> None:
        """Raise ``PasskeyRefused`` unless this challenge was made here, for this, and not long ago."""
        if len(presented) != _TIME + _RANDOM + _MAC:
            raise PasskeyRefused("the challenge is not one of ours")
        head, mac = presented[: _TIME + _RANDOM], presented[_TIME + _RANDOM :]
        if not self._mac.is_valid(b64url_encode(mac), b64url_encode(head), *context):
            raise PasskeyRefused("the challenge was made for something else, or by another")
        age = timedelta(milliseconds=round(now.timestamp() * 1000) - int.from_bytes(head[:_TIME], "big"))
        if not -SKEW <= age <= LIFETIME:
            raise PasskeyRefused("the challenge has expired")
