"""JWT access tokens of one issuer, verified with the keys it publishes."""

from datetime import timedelta

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.algorithm import DEFAULT_ALGORITHMS, require_algorithms
from valetkey.resource_server.authorization_server import AuthorizationServer
from valetkey.resource_server.error import UnknownKey
from valetkey.resource_server.key_set import KeySet
from valetkey.resource_server.verification import DEFAULT_LEEWAY, verify_access_token


class Verifier:
    """Verifies locally: a revoked token stays good until it expires. RFC 9068 §4."""

    def __init__(
        self,
        server: AuthorizationServer,
        *,
        audience: str,
        leeway: timedelta = DEFAULT_LEEWAY,
        algorithms: frozenset[str] = DEFAULT_ALGORITHMS,
    ) -> None:
        """`audience` is this API's resource identifier; `algorithms` may narrow the allow-list.

        Raises ValueError.
        """
        self.server = server
        self.audience = audience
        self._leeway = leeway
        self._algorithms = require_algorithms(algorithms)

    async def verify(self, token: str) -> AccessToken:
        """What `token` proves. Raises InvalidToken, or IssuerUnavailable if the keys cannot be had."""
        keys = await self.server.key_set()
        try:
            return self._verify_with(keys, token)
        except UnknownKey:
            newer = await self.server.newer_key_set(keys)
            if newer is keys:
                raise
        return self._verify_with(newer, token)

    async def close(self) -> None:
        """Close the connections to the issuer."""
        await self.server.close()

    def _verify_with(self, keys: KeySet, token: str) -> AccessToken:
        return verify_access_token(
            token,
            key_set=keys,
            issuer=self.server.issuer,
            audience=self.audience,
            now=self.server.clock(),
            leeway=self._leeway,
            algorithms=self._algorithms,
        )
