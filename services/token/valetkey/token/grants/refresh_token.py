"""Refresh: one row, one UPDATE, and retries within a grace window. OAuth 2.1 §4.3, RFC 9700 §4.14."""

from typing import Self

from valetkey.core.client.client import Client, GrantType
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.errors import InvalidGrant
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.refresh_token import Presentation, RefreshToken, classify_refresh_token
from valetkey.core.oauth.resource import Catalog, narrow_resource, requested_resources
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.core.oauth.scope import narrow_scope, parse_scope
from valetkey.core.oauth.stored_authorization import GrantedAuthorization
from valetkey.token.authorize_granted import authorize_granted, current_resources
from valetkey.token.grant import Grant, GrantPorts


class RefreshTokenGrant(Grant):
    """Rotation for exactly one caller, the same successor for a retry, revocation for reuse."""

    grant_type = GrantType.REFRESH_TOKEN
    parameters = frozenset({"refresh_token", "scope", "resource", "audience"})

    def __init__(self, ports: GrantPorts) -> None:
        self._ports = ports

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """See ``Grant``."""
        return cls(ports)

    async def authorize(self, params: Params, client: Client) -> Authorization:
        """Rotate, within the granted scope and resources; narrowing does not narrow the grant. RFC 6749 §6."""
        token = self._ports.refresh_tokens.decode(params.required("refresh_token"))
        if token is None:
            raise InvalidGrant("refresh token is not one of ours")
        asked_scope, asked_resources = (
            params.get("scope"),
            requested_resources(params, client, self._ports.policy.rules),
        )
        parse_scope(asked_scope)
        catalog = await self._ports.catalog.get()
        asked_resources = catalog.registered(asked_resources)
        if asked_scope is not None or asked_resources:
            await self._require_within_grant(token, client, catalog, asked_scope, asked_resources)
        granted = await self._rotate(token, client)
        return authorize_granted(
            granted,
            client,
            catalog,
            scope=narrow_scope(granted.scope, asked_scope),
            resources=narrow_resource(current_resources(granted.resources, client, catalog), asked_resources),
        )

    async def give_back(self, params: Params, authorization: Authorization) -> None:  # noqa: ARG002 - see ``Grant``
        """See ``Grant``. The row has moved on, but the client has not: what it holds stays good until it gets more."""
        if authorization.refresh_generation is not None:
            await self._ports.authorizations.withhold(authorization.authorization_id, authorization.refresh_generation)

    async def _require_within_grant(
        self, token: RefreshToken, client: Client, catalog: Catalog, scope: str | None, resources: tuple[str, ...]
    ) -> None:
        """Refuse too much before the token is rotated, so that a mistake costs the client nothing."""
        granted = await self._ports.authorizations.find_live(token.authorization_id, client.uid, self._ports.clock())
        if granted is not None:
            narrow_scope(granted.scope, scope)
            narrow_resource(current_resources(granted.resources, client, catalog), resources)

    async def _rotate(self, token: RefreshToken, client: Client) -> GrantedAuthorization:
        now = self._ports.clock()
        authorizations = self._ports.authorizations
        granted = await authorizations.rotate(token.authorization_id, token.generation, client.uid, now)
        if granted is not None:
            return granted
        state = await authorizations.find_state(token.authorization_id, now)
        presentation = classify_refresh_token(token, state, client.uid, self._ports.policy.refresh_grace)
        if presentation is Presentation.RETRY:
            granted = await authorizations.find_live(token.authorization_id, client.uid, now)
            # If the successor was used in the meantime, this is no retry of the latest rotation any more.
            if granted is not None and granted.generation == token.generation + 1:
                if state is not None and state.is_withheld:
                    await authorizations.hand_out(token.authorization_id, granted.generation)
                return granted
        if presentation is Presentation.REUSE:
            await self._revoke(token)
            self._ports.events.refresh_token_reused(token.authorization_id, client)
        elif presentation is Presentation.UNKNOWN_GENERATION:
            await self._revoke(token)
            self._ports.events.refresh_token_ahead(token.authorization_id, client)
        raise InvalidGrant(f"refresh token was refused as {presentation.value}")

    async def _revoke(self, token: RefreshToken) -> None:
        now = self._ports.clock()
        target = authorization_target(token.authorization_id)
        await self._ports.revoker.revoke([Revocation(target, now, now + self._ports.policy.access_token_lifetime)])
