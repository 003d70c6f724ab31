"""Two replicas of every service, each a process that reaches each store through a network of its own."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from faults.harmed_postgres import HarmedPostgres
from faults.lifetimes import CODE_LIFETIME, GRACE
from faults.replica import Replica
from support.administration import Administration
from support.database_roles import as_role
from support.postbox import MAIL
from support.redis_cluster import EmbeddedCluster
from support.redis_sentinel import EmbeddedSentinels
from support.stores import create_migrated
from support.system import rotate, test_settings
from support.tcp_proxy import TcpProxy
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from types import TracebackType

    from support.relying_party import ClientIdentity
    from valetkey.runtime.settings.settings import Settings

SERVICES = ("authorize", "token", "introspection")
STORES = ("postgres", "redis")
REPLICAS = 2
ISSUER = "http://127.0.0.1:9"
_DATABASE = "valetkey"
_BEFORE = timedelta(hours=1)


RedisServers = EmbeddedRedis | EmbeddedSentinels | EmbeddedCluster


class Site:
    """Enter it as a context. Where Redis is several servers the way to them is direct, because they tell it."""

    def __init__(self, redis: RedisServers | None = None) -> None:
        self.postgres = HarmedPostgres()
        self._redis = redis or EmbeddedRedis()
        self.replicas: dict[str, list[Replica]] = {}
        self.links: dict[tuple[str, int, str], TcpProxy] = {}
        self.resource_servers: dict[str, ClientIdentity] = {}
        # Seconds by which the operator's clock is ahead.
        self.operator_ahead = 0.0
        self._stack = AsyncExitStack()

    @property
    def dsn(self) -> str:
        """PostgreSQL for the administrator, past every network."""
        return self.postgres.dsn_of(_DATABASE)

    @property
    def redis(self) -> EmbeddedRedis:
        """The one Redis of a site that was made with one."""
        assert isinstance(self._redis, EmbeddedRedis)
        return self._redis

    @property
    def sentinels(self) -> EmbeddedSentinels:
        """The Sentinels of a site that was made with them."""
        assert isinstance(self._redis, EmbeddedSentinels)
        return self._redis

    @property
    def cluster(self) -> EmbeddedCluster:
        """The Cluster of a site that was made with one."""
        assert isinstance(self._redis, EmbeddedCluster)
        return self._redis

    @property
    def administration(self) -> Administration:
        """Registers clients and users. What it makes is an hour old, so that a wrong clock does not make it unborn."""
        return Administration(self._settings, _an_hour_ago)

    @property
    def operator(self) -> Administration:
        """Ends things, by a clock that can be wrong."""
        return Administration(self._settings, lambda: system_clock() + timedelta(seconds=self.operator_ahead))

    @property
    def all_replicas(self) -> list[Replica]:
        """Every replica of every service."""
        return [replica for replicas in self.replicas.values() for replica in replicas]

    def links_of(self, *, store: str = "", service: str = "", number: int | None = None) -> list[TcpProxy]:
        """The networks between these replicas and these stores; all of them where nothing is said."""
        return [
            link
            for (of_service, of_number, of_store), link in self.links.items()
            if (not store or store == of_store)
            and (not service or service == of_service)
            and (number is None or number == of_number)
        ]

    async def mutate(self, service: str, mutation: str) -> None:
        """Exchange the replicas of this service for broken ones, or with an empty name for good ones."""
        for replica in self.replicas[service]:
            replica.mutation = mutation
        await asyncio.gather(*(asyncio.to_thread(replica.restart) for replica in self.replicas[service]))

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        stores = (self.postgres, self._redis)
        for store in stores:
            self._stack.push_async_callback(asyncio.to_thread, store.__exit__, None, None, None)
        await asyncio.gather(*(asyncio.to_thread(store.__enter__) for store in stores))
        await asyncio.to_thread(create_migrated, self.postgres, _DATABASE)
        keys = {
            name: secrets.token_urlsafe(32) for name in ("refresh", "cookie", "encryption", "sealing", "credential")
        }
        self._given = {
            "refresh_token_keys": keys["refresh"],
            "cookie_keys": keys["cookie"],
            "key_encryption_keys": f"test:{keys['encryption']}",
            "sealing_keys": keys["sealing"],
            "credential_keys": keys["credential"],
            "authorization_code_lifetime": str(int(CODE_LIFETIME)),
            "refresh_grace": str(int(GRACE)),
            "password_time_cost": "1",
            "password_memory_cost": "8192",
            "login_attempts_per_address": "100000",
            "interactions_per_browser": "100000",
            "codes_per_user_and_client": "100000",
            "codes_per_session": "100000",
            "codes_per_user": "100000",
            "postgres_timeout": "2s",
            "postgres_pool_max": "4",
            "redis_timeout": "500ms",
            "key_poll_interval": "1s",
            "drain_delay": "0",
            "shutdown_grace": "1s",
            "log_format": "json",
            **MAIL,
        }
        self._settings: Settings = test_settings(ISSUER, self.dsn, self._redis.url, **self._given)
        await rotate(self._settings)
        self.resource_servers = await self.administration.create_catalog()
        for service in SERVICES:
            self.replicas[service] = [await self._replica(service, number) for number in range(REPLICAS)]
        for replica in self.all_replicas:
            self._stack.push_async_callback(asyncio.to_thread, replica.close)
        await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in self.all_replicas))

    async def _replica(self, service: str, number: int) -> Replica:
        addresses = {"postgres": as_role(self.dsn, service), "redis": self._redis.url}
        for store in STORES if isinstance(self._redis, EmbeddedRedis) else ("postgres",):
            link = await self._stack.enter_async_context(TcpProxy(addresses[store]))
            self.links[service, number, store] = link
            addresses[store] = link.url
        settings = {
            **self._given,
            "issuer": ISSUER,
            "postgres_dsn": addresses["postgres"],
            "redis_url": addresses["redis"],
        }
        return Replica(service, number, settings)


def _an_hour_ago() -> datetime:
    return system_clock() - _BEFORE
