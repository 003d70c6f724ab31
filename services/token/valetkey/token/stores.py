"""The service over its real stores, and the lifetimes that settings give."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.oauth.refresh_token import RefreshTokenCodec
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.client_authenticator import ClientAuthenticator
from valetkey.runtime.http.limits.client_rate import ClientRate
from valetkey.runtime.lifecycle.readiness import ReadinessChecks
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.caches.signer_cache import SignerCache
from valetkey.storage.postgres.tables.authorizations import Authorizations
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.limits.client_failures import ClientFailures
from valetkey.storage.redis.limits.client_rates import ClientRates
from valetkey.storage.sealing import create_sealer
from valetkey.storage.stores import Stores
from valetkey.token.audited_events import AuditedEvents
from valetkey.token.grant import GrantPorts
from valetkey.token.issuer import TokenIssuer
from valetkey.token.key_metrics import KeyMetrics, KeySchedule
from valetkey.token.policy import TokenPolicy
from valetkey.token.registry import Grants
from valetkey.token.revocation_limit import RevocationLimit
from valetkey.token.service import TokenService


@asynccontextmanager
async def open_service(
    settings: Settings, stores: Stores, clock: Clock, waiting: ReadinessChecks
) -> AsyncIterator[TokenService]:
    """The service, as long as the context lasts."""
    policy, poll_interval = policy_from(settings), timedelta(seconds=settings.key_poll_interval)
    async with AsyncExitStack() as stack:
        signers = SignerCache(
            stores.database, KeySealer(dict(settings.key_encryption_keys.reveal())), poll_interval=poll_interval
        )
        stack.push_async_callback(signers.close)
        await signers.start()
        waiting.add(stores.jwk_set.not_ready_reason)
        waiting.add(signers.not_ready_reason)
        key_metrics = KeyMetrics(stores.database, KeySchedule.from_settings(settings), poll_interval, clock)
        stack.push_async_callback(key_metrics.close)
        await key_metrics.start()
        client_rate = ClientRate(ClientRates(stores.redis, "token"), clock, settings.client_requests_per_minute)
        stack.push_async_callback(client_rate.close)
        await client_rate.start()
        authorizations = Authorizations(
            stores.database, stores.revocations.publish, most=settings.grants_per_user_and_client
        )
        stack.push_async_callback(authorizations.aclose)
        refresh_tokens = RefreshTokenCodec(settings.refresh_token_keys.reveal())
        ports = GrantPorts(
            policy=policy,
            clock=clock,
            catalog=stores.catalog,
            codes=RedisCodes(
                stores.redis,
                lifetime=policy.authorization_code_lifetime,
                tombstone=policy.access_token_lifetime,
                sealer=create_sealer(settings),
                clock=clock,
            ),
            authorizations=authorizations,
            revoker=stores.revocations,
            refresh_tokens=refresh_tokens,
            events=AuditedEvents(),
        )
        yield TokenService(
            authenticator=ClientAuthenticator(
                stores.clients, clock, ClientFailures.from_settings(settings, stores.redis, stores.reserve)
            ),
            grants=Grants.from_ports(ports),
            issuer=TokenIssuer(
                policy,
                settings.signing_algorithms[0],
                settings.installation_rules.id_token_alg,
                signers,
                refresh_tokens,
                clock,
            ),
            policy=policy,
            clock=clock,
            authorizations=authorizations,
            revoker=stores.revocations,
            refresh_tokens=refresh_tokens,
            keys=stores.jwk_set,
            client_rate=client_rate,
            revocation_limit=RevocationLimit.from_settings(settings, stores.redis),
        )


def policy_from(settings: Settings) -> TokenPolicy:
    """The lifetimes that settings give in seconds."""
    return TokenPolicy(
        issuer=settings.issuer,
        authorization_code_lifetime=timedelta(seconds=settings.authorization_code_lifetime),
        access_token_lifetime=timedelta(seconds=settings.access_token_lifetime),
        id_token_lifetime=timedelta(seconds=settings.id_token_lifetime),
        refresh_token_lifetime=timedelta(seconds=settings.refresh_token_lifetime),
        refresh_token_idle_lifetime=timedelta(seconds=settings.refresh_token_idle_lifetime),
        refresh_grace=timedelta(seconds=settings.refresh_grace),
        rules=settings.installation_rules,
    )
