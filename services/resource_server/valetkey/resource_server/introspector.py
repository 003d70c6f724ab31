"""Access tokens of one issuer, checked by asking it. The issuer's word is final, and its silence is no."""

import base64
import logging
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote_plus

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.answer_cache import AnswerCache
from valetkey.resource_server.authorization_server import AuthorizationServer
from valetkey.resource_server.claims import read_access_token
from valetkey.resource_server.compact_jws import MAX_TOKEN_LENGTH
from valetkey.resource_server.error import InvalidToken, IssuerUnavailable
from valetkey.resource_server.outbound import Answer
from valetkey.resource_server.verification import DEFAULT_LEEWAY

_LOG = logging.getLogger(__name__)


class Introspector:
    """Asks the issuer about each token, so that a revocation counts at once. RFC 7662 §2."""

    def __init__(
        self,
        server: AuthorizationServer,
        *,
        audience: str,
        client_id: str,
        client_secret: str,
        leeway: timedelta = DEFAULT_LEEWAY,
        cache_ttl: timedelta = timedelta(0),
        cache_size: int = 1000,
    ) -> None:
        """`client_id` and `client_secret` are this API's own; `audience` is its resource identifier.

        A `cache_ttl` above zero trades revocation for speed: for so long a revoked token is still accepted.
        """
        self.server = server
        self.audience = audience
        self._authorization = basic_authorization(client_id, client_secret)
        self._leeway = leeway
        self._cache = AnswerCache(ttl=cache_ttl, size=cache_size)

    async def introspect(self, token: str) -> AccessToken:
        """What the issuer says of `token`. Raises InvalidToken, or IssuerUnavailable if it says nothing usable."""
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise InvalidToken("too long or not ASCII")
        kept = self._cache.find(token, self.server.clock())
        if kept is not None:
            return kept
        access_token = self._read(await self._ask(token))
        self._cache.keep(token, access_token, self.server.clock())
        return access_token

    async def close(self) -> None:
        """Close the connections to the issuer."""
        await self.server.close()

    async def _ask(self, token: str) -> Answer:
        endpoint = (await self.server.metadata()).introspection_endpoint
        if endpoint is None:
            raise IssuerUnavailable("the metadata document has no introspection_endpoint")
        answer = await self.server.outbound.post_form(
            endpoint,
            {"token": token, "token_type_hint": "access_token"},
            {"Authorization": self._authorization},
        )
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            _LOG.error("the issuer refuses this resource server's own credentials")
        if answer.status != HTTPStatus.OK:
            raise IssuerUnavailable(f"introspection was answered with {answer.status}")
        return answer

    def _read(self, answer: Answer) -> AccessToken:
        claims = answer.json()
        if claims.get("active") is not True:
            raise InvalidToken("the issuer says that the token is not active")
        if claims.get("iss", self.server.issuer) != self.server.issuer:
            raise InvalidToken("token is from another issuer")
        token_type = claims.get("token_type", "Bearer")
        # A refresh token can be active too, and a DPoP token is no bearer token.
        if not isinstance(token_type, str) or token_type.lower() != "bearer":
            raise InvalidToken("token is not a bearer token")
        return read_access_token(claims, audience=self.audience, now=self.server.clock(), leeway=self._leeway)


def basic_authorization(client_id: str, client_secret: str) -> str:
    """client_secret_basic, each part form-urlencoded first. RFC 6749 §2.3.1."""
    pair = f"{quote_plus(client_id, safe='')}:{quote_plus(client_secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
