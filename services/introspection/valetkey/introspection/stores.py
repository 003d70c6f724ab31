"""The service over its real stores."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from valetkey.core.routes import ACCOUNT, ACCOUNT_PASSWORD
from valetkey.introspection.access_tokens import AccessTokens
from valetkey.introspection.discovery import Discovery
from valetkey.introspection.document import Document
from valetkey.introspection.introspector import Introspector
from valetkey.introspection.service import IntrospectionService
from valetkey.introspection.user_info import UserInfo
from valetkey.introspection.verified_tokens import VerifiedTokens
from valetkey.runtime.http.client_authenticator import ClientAuthenticator
from valetkey.runtime.http.limits.client_rate import ClientRate
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.limits.client_failures import ClientFailures
from valetkey.storage.redis.limits.client_rates import ClientRates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.lifecycle.readiness import ReadinessChecks
    from valetkey.runtime.settings.settings import Settings
    from valetkey.storage.stores import Stores


@asynccontextmanager
async def open_service(
    settings: Settings, stores: Stores, clock: Clock, waiting: ReadinessChecks
) -> AsyncIterator[IntrospectionService]:
    """The service, as long as the context lasts."""
    async with AsyncExitStack() as stack:
        waiting.add(stores.jwk_set.not_ready_reason)
        verified = VerifiedTokens(stores.jwk_set, settings.issuer)
        access_tokens = AccessTokens(verified, stores.revocations, clock)
        client_rate = ClientRate(ClientRates(stores.redis, "introspection"), clock, settings.client_requests_per_minute)
        stack.push_async_callback(client_rate.close)
        await client_rate.start()
        failures = ClientFailures.from_settings(settings, stores.redis, stores.reserve)
        yield IntrospectionService(
            authenticator=ClientAuthenticator(stores.clients, clock, failures),
            introspector=Introspector(access_tokens, settings.issuer),
            user_info=UserInfo(access_tokens, Users(stores.database), stores.clients, stores.catalog),
            discovery=Discovery(
                settings.issuer,
                stores.catalog,
                settings.jwks_max_age,
                settings.signing_algorithms,
                settings.languages,
            ),
            jwk_set=stores.jwk_set,
            jwks_max_age=settings.jwks_max_age,
            client_rate=client_rate,
            passkey_endpoints=_passkey_endpoints(settings),
            change_password_uri=f"{settings.issuer}{ACCOUNT_PASSWORD.path}",
        )


def _passkey_endpoints(settings: Settings) -> Document | None:
    if settings.relying_party is None:
        return None
    account = f"{settings.issuer}{ACCOUNT.path}"
    body = json.dumps({"enroll": account, "manage": account}).encode("ascii")
    return Document.of(body, content_type="application/json", max_age=settings.jwks_max_age)
