"""What very many clients say to each hot endpoint."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from bench.exchange import get, post
from bench.grants import Redeem, RefreshAny, redemption
from bench.population import Population
from bench.scenario import CODES_PER_SECOND, authorization_request
from bench.work import Requests, Work
from bench.world import Holder, World, basic
from support.administration import API
from support.seed import make_client
from valetkey.core.epoch import TokenEpochs
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.jose.sign import SigningKey, from_pkcs8, sign
from valetkey.core.oauth.access_token import TYP, TokenId, access_token_claims
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.refresh_token import RefreshToken, RefreshTokenCodec
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.tables.signing_keys import KeyStore

# Longer than what is asked while measuring, so that chance repeats a client and the list does not.
_SEQUENCE = 30_000
_CHAINS = 1_000
_SIGNED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Callers:
    """All clients that send requests, and what they have in common. ``seconds`` is how long they do."""

    world: World
    population: Population
    clients: Sequence[int]
    cookies: str
    seconds: float

    @property
    def sequence(self) -> list[int]:
        """Each client as likely as every other, at each place."""
        return random.choices(self.clients, k=_SEQUENCE)

    def warmers(self, endpoint: Endpoint, work: Work, most: int) -> list[bytes]:
        """A cheap request of each client, of at most so many, after which the service has looked the client up.

        And the token, where one is asked about: what a new one costs is measured elsewhere.
        """
        if endpoint.server == "introspection" and isinstance(work, Requests):
            return list(dict.fromkeys(work.requests))[:most]
        chosen = random.sample(self.clients, min(most, len(self.clients)))
        if endpoint.server == "authorize":
            return [
                get(f"{authorization_request(self.population.identity(number))}&prompt=none", {"Cookie": self.cookies})
                for number in chosen
            ]
        return [post("/revoke", [("token", "nothing")], basic(self.population.identity(number))) for number in chosen]


Prepare = Callable[[Callers], Awaitable[Work]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What grows: which service, which driver it needs, and what is said."""

    name: str
    server: str
    prepare: Prepare
    remembers: bool = False


async def _client_credentials(callers: Callers) -> Work:
    form = [("grant_type", "client_credentials"), ("scope", "api:read")]
    identities = [callers.population.identity(number) for number in callers.sequence]
    return Requests([post("/token", form, basic(each)) for each in identities], 200, b"access_token")


async def _introspect(callers: Callers) -> Work:
    """Each client asks about a token of its own, which it may. RFC 7662 §4."""
    key, settings = await _signing_key(callers.world), callers.world.installation.settings
    tokens: dict[int, bytes] = {}
    for number in (sequence := callers.sequence):
        if number not in tokens:
            client, token_id = (
                make_client(callers.population.identity(number).client_id),
                TokenId.generate(uuid4(), system_clock()),
            )
            authorization = Authorization(token_id.authorization_id, client, TokenEpochs(0, 0), ("api:read",), (API,))
            claims = access_token_claims(authorization, token_id, issuer=settings.issuer, lifetime=_SIGNED_FOR)
            form = [("token", sign(claims, key, TYP))]
            tokens[number] = post("/introspect", form, basic(callers.population.identity(number)))
    return Requests([tokens[number] for number in sequence], 200, b'"active":true')


async def _signing_key(world: World) -> SigningKey:
    settings = world.installation.settings
    async with world.installation.administration.database() as database:
        stored = [key for key in await KeyStore(database).active_keys() if key.public.alg == "ES256"][-1]
    sealer, kid = KeySealer(dict(settings.key_encryption_keys.reveal())), stored.public.kid
    return SigningKey(kid, stored.public.alg, from_pkcs8(sealer.open(kid, stored.sealed)))


async def _refresh(callers: Callers) -> Work:
    clients = [*callers.clients] * -(-_CHAINS // len(callers.clients))
    codec = RefreshTokenCodec(callers.world.installation.settings.refresh_token_keys.reveal())
    headers = {number: basic(callers.population.identity(number)) for number in callers.clients}
    tokens = [
        (headers[number], codec.encode(RefreshToken(authorization, 1)))
        for number, authorization in zip(clients, await callers.population.authorize(clients), strict=True)
    ]
    return lambda _: RefreshAny(tokens)


async def _redeem(callers: Callers) -> Work:
    chosen = random.choices(callers.clients, k=int(CODES_PER_SECOND * (callers.seconds + 1)))
    identities = [callers.population.identity(number) for number in chosen]
    codes = await callers.world.codes_of(
        [
            Holder(identity, callers.population.uids[number], callers.world.holder.subjects)
            for identity, number in zip(identities, chosen, strict=True)
        ]
    )
    requests = iter(
        [
            redemption(code.code, code.verifier, identity.redirect_uri, basic(identity))
            for code, identity in zip(codes, identities, strict=True)
        ]
    )
    return lambda _: Redeem(requests)


async def _authorize(callers: Callers) -> Work:
    identities = [callers.population.identity(number) for number in callers.sequence]
    headers = {"Cookie": callers.cookies}
    return Requests([get(authorization_request(each), headers) for each in identities], 303, b"code=")


ENDPOINTS = (
    Endpoint("client_credentials", "token", _client_credentials),
    Endpoint("introspection", "introspection", _introspect),
    Endpoint("authorize, signed in", "authorize", _authorize),
    Endpoint("refresh", "token", _refresh, remembers=True),
    Endpoint("code redemption", "token", _redeem, remembers=True),
)
