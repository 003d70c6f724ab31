"""The issuer, as its public endpoints show it: everything is found through discovery."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientSession

from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.relying_party.exchange import Exchange, basic, bearer, perform
from valetkey.demo.relying_party.id_token import UnknownKeyError, verify_id_token
from valetkey.demo.relying_party.login import Login

_DISCOVERY = "/.well-known/openid-configuration"
_WANTED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class IssuerUnusableError(Exception):
    """The issuer does not answer, or its metadata is not its own; the message is for the page."""


class Issuer:
    """Sends each kind of request and returns it with its answer. Learns the metadata once, and keys when needed."""

    def __init__(self, config: RelyingPartyConfig, session: ClientSession) -> None:
        self._config = config
        self._session = session
        self._metadata: dict[str, str] = {}
        self._jwks: dict[str, Any] = {}

    async def endpoint(self, name: str) -> str:
        """An endpoint from the metadata, whose issuer must be ours byte for byte. OIDC Discovery §4.3.

        Raises ``IssuerUnusableError``.
        """
        if not self._metadata:
            answer = await perform(self._session, Exchange("GET", self._config.issuer + _DISCOVERY))
            if not answer.is_ok or answer.body.get("issuer") != self._config.issuer:
                raise IssuerUnusableError("The issuer does not answer, or its metadata is not its own.")
            if not all(answer.text(wanted) for wanted in _WANTED):
                raise IssuerUnusableError("The issuer's metadata lacks an endpoint that is needed.")
            self._metadata = {key: value for key, value in answer.body.items() if isinstance(value, str)}
        if name not in self._metadata:
            raise IssuerUnusableError(f"The issuer publishes no {name}.")
        return self._metadata[name]

    async def redeem(self, code: str, login: Login) -> Exchange:
        """Exchange the code for tokens. OAuth 2.1 §4.1.3."""
        return await self._post(
            "token_endpoint",
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self._config.redirect_uri),
            ("code_verifier", login.code_verifier),
        )

    async def refresh(self, refresh_token: str) -> Exchange:
        """Exchange the refresh token for new tokens. OAuth 2.1 §4.3."""
        return await self._post("token_endpoint", ("grant_type", "refresh_token"), ("refresh_token", refresh_token))

    async def introspect(self, access_token: str) -> Exchange:
        """Ask whether the token is active. RFC 7662 §2."""
        return await self._post("introspection_endpoint", ("token", access_token), ("token_type_hint", "access_token"))

    async def revoke(self, refresh_token: str) -> Exchange:
        """Give the refresh token back, and with it everything issued on the same grant. RFC 7009 §2."""
        return await self._post("revocation_endpoint", ("token", refresh_token), ("token_type_hint", "refresh_token"))

    async def userinfo(self, access_token: str) -> Exchange:
        """Ask who signed in. OIDC Core §5.3."""
        url = await self.endpoint("userinfo_endpoint")
        return await perform(self._session, Exchange("GET", url, headers=(bearer(access_token),)))

    async def jwks(self) -> Exchange:
        """The published keys, asked for anew. RFC 7517 §5."""
        answer = await perform(self._session, Exchange("GET", await self.endpoint("jwks_uri")))
        if answer.is_ok and isinstance(answer.body.get("keys"), list):
            self._jwks = dict(answer.body)
        return answer

    async def verify_id_token(self, id_token: str, access_token: str, nonce: str | None) -> dict[str, Any]:
        """The claims of an ID token for us. A key not seen before means asking for the keys again, once.

        Raises ``IdTokenError``.
        """
        try:
            return self._verify(id_token, access_token, nonce)
        except UnknownKeyError:
            await self.jwks()
            return self._verify(id_token, access_token, nonce)

    def _verify(self, id_token: str, access_token: str, nonce: str | None) -> dict[str, Any]:
        return verify_id_token(
            id_token,
            self._jwks,
            issuer=self._config.issuer,
            client_id=self._config.client_id,
            nonce=nonce,
            access_token=access_token,
        )

    async def _post(self, endpoint: str, *form: tuple[str, str]) -> Exchange:
        url = await self.endpoint(endpoint)
        authorization = basic(self._config.client_id, self._config.client_secret)
        return await perform(self._session, Exchange("POST", url, headers=(authorization,), form=form))
