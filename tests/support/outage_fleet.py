"""A fleet whose stores can be taken away, and people who have dealt with it before."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.eventually import eventually
from support.planted_codes import planted_codes
from support.whole_flow import require_whole_flow
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.browser import Answer
    from support.fleet import Fleet
    from support.movable_clock import MovableClock
    from support.relying_party import CodeResponse, RelyingParty, Reply
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
    from valetkey.demo.stores.embedded_redis import EmbeddedRedis
    from valetkey.demo.stores.embedded_server import EmbeddedServer

SCOPE = "openid offline_access api:read"
_PAUSE_SECONDS = 1.1


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A client with its user, a machine and a resource server, whom every replica has in memory.

    For each replica there is a refresh token, a code and a login page, each to be used once.
    """

    party: RelyingParty
    machine: RelyingParty
    api: RelyingParty
    live: Reply
    revoked: Reply
    refresh_tokens: list[str]
    codes: list[CodeResponse]
    login_pages: list[Answer]


@dataclass(frozen=True, slots=True)
class OutageFleet:
    """Give back what was taken: the next test needs it too."""

    fleet: Fleet
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    clock: MovableClock

    @property
    def replicas(self) -> range:
        """The numbers of the replicas of each service."""
        return range(self.fleet.system.replicas)

    def stores(self, names: str) -> list[EmbeddedServer]:
        """``redis``, ``postgres`` or ``both``."""
        named: dict[str, list[EmbeddedServer]] = {
            "redis": [self.redis],
            "postgres": [self.postgres],
            "both": [self.redis, self.postgres],
        }
        return named[names]

    @asynccontextmanager
    async def without(self, names: str) -> AsyncIterator[None]:
        """Killed until the context ends; Redis then has what it had at its last ``save``."""
        for store in self.stores(names):
            await asyncio.to_thread(store.kill)
        try:
            yield
        finally:
            for store in self.stores(names):
                await asyncio.to_thread(store.start)
            # A replica that has met an absent Redis asks PostgreSQL for so long before it tries again.
            await asyncio.sleep(_PAUSE_SECONDS)

    async def save(self) -> None:
        """Make Redis write down what it would have after a crash, as a backup."""
        async with connect(self.redis.url) as redis:
            await redis.save()

    async def flush(self) -> None:
        """Empty Redis."""
        async with connect(self.redis.url) as redis:
            await redis.flushall()

    async def until_redis_is_trusted(self, known_user: KnownUser) -> None:
        """Ask until Redis holds all revocations, and every replica reads it."""
        async with connect(self.redis.url) as redis:

            async def is_loaded() -> bool:
                await self.fleet.active(known_user.api, [known_user.live.access_token])
                run_id = (await redis.info("server"))["run_id"]
                marker = await redis.get(REVOCATIONS_LOADED.prefix)
                return marker is not None and marker.startswith(run_id.encode())

            await eventually(is_loaded)

    async def until_all_is_well(self) -> None:
        """Every replica does everything again, of its own accord."""
        for replica in self.replicas:

            async def works(replica: int = replica) -> bool:
                try:
                    await require_whole_flow(self.fleet, replica)
                except AssertionError as error:
                    # Only what is expected of an absent store may pass for one that is coming back.
                    assert "503" in str(error) or "temporarily_unavailable" in str(error), error  # noqa: PT017
                    return False
                return True

            await eventually(works)

    @asynccontextmanager
    async def known_user(self) -> AsyncIterator[KnownUser]:
        """A new user and clients, in the caches of all replicas."""
        fleet = self.fleet
        party, machine, api = await fleet.new_party(), await fleet.new_machine(), fleet.new_api()
        live, revoked, *others = [await party.log_in(scope=SCOPE) for _ in range(2 + len(self.replicas))]
        assert (await party.revoke(revoked.refresh_token)).status == 200
        async with planted_codes(fleet.system, party) as planted:
            made = KnownUser(
                party,
                machine,
                api,
                live,
                revoked,
                refresh_tokens=[reply.refresh_token for reply in others],
                codes=[await planted.plant() for _ in self.replicas],
                login_pages=[await at.start(prompt="login") for at in fleet.at_each(party, "authorize")],
            )
        await self._introduce(made)
        yield made
        for each in (party, machine, api):
            await each.browser.close()

    async def _introduce(self, made: KnownUser) -> None:
        for at in self.fleet.at_each(made.machine, "token"):
            assert (await at.token("client_credentials")).status == 200
        for at in self.fleet.at_each(made.party, "token"):
            assert (await at.refresh("not a token")).error == "invalid_grant"
        for at in self.fleet.at_each(made.party, "introspection"):
            assert (await at.introspect("not a token")).status == 200
            assert (await at.get_json("/.well-known/openid-configuration")).status == 200
        await self.until_redis_is_trusted(made)
