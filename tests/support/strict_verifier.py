"""A resource server that takes us at our word: keys are cached for their max-age, and not fetched again before."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt

from support.tokens import header_of

if TYPE_CHECKING:
    from jwt.types import Options

    from support.relying_party import RelyingParty
    from valetkey.core.ports.clock import Clock

# What time it is, the moved clock knows and PyJWT does not.
_UNTIMED: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


class StrictVerifier:
    """Reads the JWK Set at one replica of introspection; ``read`` counts how often, ``read_at`` is the last time."""

    def __init__(self, at: RelyingParty, issuer: str, clock: Clock) -> None:
        self._at = at
        self._issuer = issuer
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._stale_at: datetime | None = None
        self.read = 0
        self.read_at: datetime | None = None

    async def verify(self, token: str, audience: str) -> None:
        """Raise ``jwt.PyJWTError`` or ``KeyError`` for a token that these keys did not sign for this audience."""
        if self._stale_at is None or self._clock() >= self._stale_at:
            await self._read()
        key = self._keys[header_of(token)["kid"]]
        jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=self._issuer, options=_UNTIMED)

    async def _read(self) -> None:
        reply = await self._at.get_json("/jwks")
        found = re.search(r"max-age=(\d+)", reply.headers["Cache-Control"])
        assert found, reply.headers
        self._keys = {jwk["kid"]: jwt.PyJWK(jwk).key for jwk in reply.body["keys"]}
        self.read_at = self._clock()
        self._stale_at = self.read_at + timedelta(seconds=int(found[1]))
        self.read += 1
