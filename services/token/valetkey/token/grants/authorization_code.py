"""A user agreed in the browser; the client fetches what was agreed. OAuth 2.1 §4.1.3."""

from datetime import datetime, timedelta
from typing import Self

from valetkey.core.client.client import Client, GrantType, PkcePolicy
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.authorization_code import AuthorizationCode, CodeBinding, RedemptionOutcome, is_code
from valetkey.core.oauth.errors import InvalidGrant, OAuthError, TemporarilyUnavailable
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.pkce import NO_CHALLENGE, challenge_of
from valetkey.core.oauth.resource import narrow_resource, requested_resources
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.core.oauth.scope import OFFLINE_ACCESS
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.token.authorize_granted import authorize_granted, current_resources
from valetkey.token.grant import Grant, GrantPorts

# What PostgreSQL can tell apart.
_TICK = timedelta(microseconds=1)


class AuthorizationCodeGrant(Grant):
    """One success per code, ever; a valid second presentation revokes what the first was given."""

    grant_type = GrantType.AUTHORIZATION_CODE
    parameters = frozenset({"code", "code_verifier", "redirect_uri", "resource", "audience"})

    def __init__(self, ports: GrantPorts) -> None:
        self._ports = ports

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """See ``Grant``."""
        return cls(ports)

    async def authorize(self, params: Params, client: Client) -> Authorization:
        """Redeem the code. OAuth 2.1 §4.1.3: same client, same redirect URI, the verifier for its challenge."""
        value = params.required("code")
        challenge = self._presented_challenge(params, client)
        if not is_code(value):
            raise InvalidGrant("code has not the shape of one")
        binding = CodeBinding(client.uid, challenge, params.get("redirect_uri"))
        requested = requested_resources(params, client, self._ports.policy.rules)
        catalog = await self._ports.catalog.get()
        requested = catalog.registered(requested)
        redemption = await self._ports.codes.consume(value, binding)
        if redemption.outcome is RedemptionOutcome.REPLAYED and redemption.code is not None:
            await self._revoke_replayed(redemption.code, client)
        if redemption.outcome is not RedemptionOutcome.TAKEN or redemption.code is None:
            raise InvalidGrant(redemption.reason)
        code, now = redemption.code, self._ports.clock()
        if now in code.unconfirmed_at:
            now = max(code.unconfirmed_at) + _TICK
        try:
            resources = narrow_resource(current_resources(code.resources, client, catalog), requested)
            granted = await self._store(code, client, now)
        # Nothing has been handed out: the client may correct its request, or retry later.
        except InvalidGrant:
            raise
        except TemporarilyUnavailable:
            await self._ports.codes.release(value, now)
            raise
        except OAuthError:
            await self._ports.codes.release(value)
            raise
        authorization = authorize_granted(granted, client, catalog, scope=code.scope, resources=resources)
        return authorization._replace(nonce=code.nonce, redeemed_at=now)

    async def give_back(self, params: Params, authorization: Authorization) -> None:
        """See ``Grant``. A later redemption takes over what this one has stored."""
        await self._ports.codes.release(params.required("code"), authorization.redeemed_at)

    def _presented_challenge(self, params: Params, client: Client) -> str:
        """What the verifier answers. A client that may do without PKCE need not send one, if it sent no challenge."""
        if client.pkce_policy(self._ports.policy.rules) is PkcePolicy.REQUIRED:
            return challenge_of(params.required("code_verifier"))
        verifier = params.get("code_verifier")
        return NO_CHALLENGE if verifier is None else challenge_of(verifier)

    async def _store(self, code: AuthorizationCode, client: Client, now: datetime) -> GrantedAuthorization:
        """Insert the authorization under the primary key that the code has fixed: the second guard after Redis."""
        policy = self._ports.policy
        granted = await self._ports.authorizations.insert(
            NewAuthorization(
                authorization_id=code.authorization_id,
                client_uid=client.uid,
                authentication=code.authentication,
                scope=code.scope,
                resources=code.resources,
                claims=code.claims,
                bound_to_session=OFFLINE_ACCESS not in code.scope,
                agreed_at=code.issued_at,
                issued_at=now,
                expires_at=now + policy.authorization_lifetime(client),
                idle_seconds=int(policy.refresh_token_idle_lifetime.total_seconds()),
                unconfirmed_at=code.unconfirmed_at,
                epochs=code.epochs,
            ),
        )
        if granted is None:
            if await self._ports.authorizations.find_state(code.authorization_id, now) is not None:
                await self._revoke_replayed(code, client)
            raise InvalidGrant("code was redeemed before, or its user, client, session or consent has ended since")
        return granted

    async def _revoke_replayed(self, code: AuthorizationCode, client: Client) -> None:
        """Revoke what the code was redeemed for. OAuth 2.1 §4.1.3.

        The first redemption may still be on its way to PostgreSQL; the revocation then outlives whatever it stores.
        """
        now, policy = self._ports.clock(), self._ports.policy
        stored = await self._ports.authorizations.find_state(code.authorization_id, now)
        lifetime = policy.access_token_lifetime if stored else policy.authorization_lifetime(client)
        target = authorization_target(code.authorization_id)
        await self._ports.revoker.revoke([Revocation(target, now, now + lifetime)])
        self._ports.events.code_replayed(code.authorization_id, client)
