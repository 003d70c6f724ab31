"""The service over its real stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from valetkey.storage.stores import open_stores
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
    settings: Settings, policy: TokenPolicy, clock: Clock, waiting: ReadinessChecks
) -> AsyncIterator[TokenService]:
    """The service, as long as the context lasts."""
    async with open_stores(settings, "token", clock, waiting) as stores:
        signers = SignerCache(
            stores.database,
            KeySealer(dict(settings.key_encryption_keys.reveal())),
            poll_interval=timedelta(seconds=settings.key_poll_interval),
        )
        await signers.start()
        waiting.add(stores.jwk_set.not_ready_reason)
        waiting.add(signers.not_ready_reason)
        poll_interval = timedelta(seconds=settings.key_poll_interval)
        key_metrics = KeyMetrics(stores.database, KeySchedule.from_settings(settings), poll_interval, clock)
        await key_metrics.start()
        client_rate = ClientRate(ClientRates(stores.redis, "token"), clock, settings.client_requests_per_minute)
        await client_rate.start()
        authorizations = Authorizations(
            stores.database, stores.revocations.publish, most=settings.grants_per_user_and_client
        )
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
        try:
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
        finally:
            await authorizations.aclose()
            await client_rate.close()
            await key_metrics.close()
            await signers.close()
