"""Authorization codes put where the authorization endpoint puts them, for tests that need hundreds."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from support.administration import API
from support.relying_party import CodeResponse, challenge_for
from valetkey.core.authentication.acr import ACR_PASSWORD
from valetkey.core.authentication.result import Authentication
from valetkey.core.oauth.authorization_code import AuthorizationCode, generate_code
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.sealing import create_sealer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.relying_party import RelyingParty
    from support.system import System

SCOPE = ("openid", "offline_access", "api:read")


@dataclass(frozen=True, slots=True)
class PlantedCodes:
    """Codes of one party, whose user might just have agreed to ``SCOPE``; no browser session stands behind them."""

    system: System
    party: RelyingParty
    client_uid: UUID
    codes: RedisCodes

    async def plant(self, **changes: Any) -> CodeResponse:  # noqa: ANN401 - fields of AuthorizationCode
        """A new code, with the verifier that belongs to it."""
        assert self.party.person is not None
        now, value, verifier = self.system.clock(), generate_code(), secrets.token_urlsafe(48)
        login = Authentication(UUID(self.party.person.subject), now, ACR_PASSWORD, ("pwd",), uuid4())
        code = AuthorizationCode(
            authorization_id=uuid4(),
            client_uid=self.client_uid,
            redirect_uri=self.party.client.redirect_uri,
            code_challenge=challenge_for(verifier),
            scope=SCOPE,
            resources=(API,),
            authentication=login,
            issued_at=now,
        )
        await self.codes.put(value, replace(code, **changes))
        return CodeResponse({"code": value}, verifier)


@asynccontextmanager
async def planted_codes(system: System, party: RelyingParty) -> AsyncIterator[PlantedCodes]:
    """As long as the context lasts."""
    settings = system.settings
    async with system.administration.database() as database:
        client = await Clients(database).find(party.client.client_id)
    assert client is not None
    async with connect(settings.redis_url.reveal(), timeout=timedelta(seconds=5)) as redis:
        codes = RedisCodes(
            redis,
            lifetime=timedelta(seconds=settings.authorization_code_lifetime),
            tombstone=timedelta(seconds=settings.access_token_lifetime),
            sealer=create_sealer(settings),
            clock=system.clock,
        )
        yield PlantedCodes(system, party, client.uid, codes)
