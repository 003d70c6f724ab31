"""Who is registered in the installation that is measured, and what they hold before they are measured."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote_plus, urlsplit
from uuid import UUID, uuid4

from aiohttp import web

from bench.collect import collect
from bench.exchange import post
from bench.installation import Installation
from support.administration import API, FULL_SCOPE, Administration
from support.relying_party import ClientIdentity, CodeResponse, Person, RelyingParty, challenge_for
from support.seed import make_user, password_hash
from valetkey.core.authentication.acr import ACR_PASSWORD
from valetkey.core.authentication.result import Authentication
from valetkey.core.client.client import IdTokenClaims
from valetkey.core.epoch import GrantEpochs
from valetkey.core.oauth.authorization_code import AuthorizationCode, generate_code
from valetkey.core.oidc.claims.policy.policy import ClaimPolicy
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.sealing import create_sealer

SCOPE = ("openid", "offline_access", "api:read")
_AT_ONCE = 64
_USERS = 1000
_GROUPS = 20
_SIGNED_IN = 128
# As a resource server that decides by groups, and kube-apiserver, have it.
_POLICY = ClaimPolicy.of(
    {
        "groups": {"in": ["id_token", "userinfo", "access_token"], "match": ["team-*"], "prefix": "valetkey:"},
        "tenant": {"value": "acme", "in": ["access_token"]},
    }
)
_CONSTANTS = ClaimPolicy.of(
    {
        "groups": {"value": ["machines", "readers"], "in": ["access_token"]},
        "tenant": {"value": "acme", "in": ["access_token"]},
    }
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom codes and refresh tokens are for: a client, and any of these users."""

    client: ClientIdentity
    uid: UUID
    subjects: Sequence[UUID]
    scope: tuple[str, ...] = SCOPE


@dataclass(frozen=True, slots=True)
class World:
    """One client with its user, a machine, and two APIs. ``holder`` is that client with many users.

    ``holder_in_groups`` is another with users in some groups, and ``machine_in_groups`` another machine, both with a
    claim policy.
    """

    installation: Installation
    web: ClientIdentity
    machine: ClientIdentity
    machine_in_groups: ClientIdentity
    api: ClientIdentity
    other_api: ClientIdentity
    person: Person
    holder: Holder
    holder_in_groups: Holder
    _tokens: list[str] = field(default_factory=list)
    _cookies: list[str] = field(default_factory=list)

    def party(self, client: ClientIdentity, person: Person | None = None) -> RelyingParty:
        """This client, with a user behind it."""
        return RelyingParty(self.installation.settings.issuer, client, person or self.person)

    async def machine_token(self) -> str:
        """An access token for ``API``."""
        return (await self.machine_tokens(1))[0]

    async def machine_tokens(self, number: int) -> list[str]:
        """As many, each another one, and the next time the same ones."""
        self._tokens.extend(await self.tokens_of(self.machine, number - len(self._tokens)))
        return self._tokens[:number]

    async def tokens_of(self, machine: ClientIdentity, number: int) -> list[str]:
        """So many new access tokens for ``API``."""
        form = [("grant_type", "client_credentials"), ("scope", "api:read")]
        request = post("/token", form, basic(machine))
        answers = await collect(self.installation.servers["token"].url, [request] * number)
        return [str(json.loads(answer)["access_token"]) for answer in answers]

    async def codes(self, number: int, holder: Holder | None = None) -> list[CodeResponse]:
        """Codes to redeem within the minute that they live."""
        return await self.codes_of([holder or self.holder] * number)

    async def codes_of(self, holders: Sequence[Holder]) -> list[CodeResponse]:
        """A code for each of these, put where the authorization endpoint puts them."""
        settings, made = self.installation.settings, []
        async with connect(
            settings.redis_url.reveal(), timeout=timedelta(seconds=5), max_connections=_AT_ONCE
        ) as redis:
            store = RedisCodes(
                redis,
                lifetime=timedelta(seconds=settings.authorization_code_lifetime),
                tombstone=timedelta(seconds=settings.access_token_lifetime),
                sealer=create_sealer(settings),
                clock=system_clock,
            )
            for first in range(0, len(holders), _AT_ONCE):
                made += await asyncio.gather(*(_plant(store, each) for each in holders[first : first + _AT_ONCE]))
        return made

    async def refresh_tokens(self, number: int, holder: Holder | None = None) -> list[str]:
        """Refresh tokens, one for each of so many authorizations."""
        holder = holder or self.holder
        party = self.party(holder.client)
        replies = [await party.redeem(code) for code in await self.codes(number, holder)]
        await party.browser.close()
        return [reply.refresh_token for reply in replies]

    async def cookies(self) -> list[str]:
        """Cookie headers of the browsers of many users who have signed in and agreed: the same ones each time."""
        while len(self._cookies) < _SIGNED_IN:
            person = await self.installation.administration.create_user()
            self._cookies.append(await self.signed_in_cookies(person))
        return self._cookies

    async def signed_in_cookies(self, person: Person | None = None) -> str:
        """The Cookie header of a browser whose user has signed in and agreed, and is remembered."""
        party = self.party(self.web, person)
        await party.authorize(scope=" ".join(SCOPE))
        await party.browser.close()
        return "; ".join(f"{name}={value}" for name, value in party.browser.cookies.items())

    async def revoke(self, token: str, machine: ClientIdentity) -> None:
        """Revoke a token of a machine."""
        party = self.party(machine)
        assert (await party.revoke(token)).status == 200
        await party.browser.close()


def basic(client: ClientIdentity) -> dict[str, str]:
    """The header that authenticates a client. RFC 6749 §2.3.1."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@asynccontextmanager
async def world(installation: Installation) -> AsyncIterator[World]:
    """Registers the clients and the user; the issuer's address answers as long as the context lasts."""
    administration = installation.administration
    catalog = await administration.create_catalog()
    # Registered as in figures of earlier releases; without it, RS256 would sign.
    web_client = await administration.create_web_client(id_token_signed_response_alg="ES256")
    holder = await _holder(administration, web_client)
    team_client = await administration.create_web_client(
        id_token_signed_response_alg="ES256",
        scope=(*FULL_SCOPE, "groups"),
        id_token_claims=IdTokenClaims.SCOPES,
        claim_policy=_POLICY,
    )
    in_groups = await _holder(administration, team_client, (*SCOPE, "groups"))
    await _put_into_groups(administration, in_groups)
    made = World(
        installation,
        web=web_client,
        machine=await administration.create_machine(),
        machine_in_groups=await administration.create_machine(claim_policy=_CONSTANTS),
        api=catalog["api"],
        other_api=catalog["other"],
        person=await administration.create_user(),
        holder=holder,
        holder_in_groups=in_groups,
    )
    upstreams = {name: server.url for name, server in installation.servers.items()}
    runner = web.AppRunner(create_front_door(FrontDoor(upstreams, "")), access_log=None)
    await runner.setup()
    try:
        parts = urlsplit(installation.settings.issuer)
        await web.TCPSite(runner, parts.hostname, parts.port).start()
        yield made
    finally:
        await runner.cleanup()


async def _plant(store: RedisCodes, holder: Holder) -> CodeResponse:
    now, value, verifier = system_clock(), generate_code(), secrets.token_urlsafe(48)
    login = Authentication(random.choice(holder.subjects), now, ACR_PASSWORD, ("pwd",), uuid4())
    code = AuthorizationCode(
        authorization_id=uuid4(),
        client_uid=holder.uid,
        redirect_uri=holder.client.redirect_uri,
        code_challenge=challenge_for(verifier),
        scope=holder.scope,
        resources=(API,),
        authentication=login,
        issued_at=now,
        epochs=GrantEpochs(0, 0, 0, 0),
    )
    await store.put(value, code)
    return CodeResponse({"code": value}, verifier)


async def _holder(administration: Administration, client: ClientIdentity, scope: tuple[str, ...] = SCOPE) -> Holder:
    users = [make_user(f"{client.client_id}-{number}") for number in range(_USERS)]
    async with administration.database() as database:
        found = await Clients(database).find(client.client_id)
        for user in users:
            await Users(database).create(user, password_hash())
    assert found is not None
    return Holder(client, found.uid, [user.subject for user in users], scope)


async def _put_into_groups(administration: Administration, holder: Holder) -> None:
    names = await administration.create_groups(*[f"team-{number}" for number in range(_GROUPS)])
    async with administration.database() as database:
        await Groups(database).add_members(dict.fromkeys(names, holder.subjects))
