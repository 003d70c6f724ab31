"""Valetkey as it runs: the services over real PostgreSQL and Redis, behind one front door, in a thread of their own."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from support.administration import Administration
from support.database_roles import as_role
from support.tier import COMPACT
from valetkey.authorize.app import create_authorize
from valetkey.compact.app import create_compact
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.introspection.app import create_introspection
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.http.aiohttp_inside.protocol import Runner
from valetkey.runtime.http.server import start_app
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import create_tracing
from valetkey.storage.postgres.database.opening import open_database
from valetkey.token.app import create_token

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.sdk.trace.export import SpanExporter

    from support.pgbouncer import PgBouncer
    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.http.server import RunningServer
    from valetkey.runtime.telemetry.tracing import Tracing

T = TypeVar("T")
Create = Callable[..., web.Application]
SERVICES: dict[str, Create] = {
    "authorize": create_authorize,
    "token": create_token,
    "introspection": create_introspection,
}
# Secrets of one test run; nothing outside it ever sees them.
_KEYS = {name: secrets.token_urlsafe(32) for name in ("refresh", "cookie", "encryption", "sealing", "credential")}
_START_SECONDS = 60


def test_settings(issuer: str, postgres_dsn: str, redis_url: str, /, **changes: str) -> Settings:
    """Real settings, with cheap password hashing and room for many logins of one address, browser and user."""
    return Settings.load(
        {
            "VALETKEY_ISSUER": issuer,
            "VALETKEY_HOST": LOOPBACK,
            "VALETKEY_PORT": "0",
            "VALETKEY_MANAGEMENT_PORT": "0",
            "VALETKEY_POSTGRES_DSN": postgres_dsn,
            "VALETKEY_REDIS_URL": redis_url,
            "VALETKEY_REFRESH_TOKEN_KEYS": _KEYS["refresh"],
            "VALETKEY_COOKIE_KEYS": _KEYS["cookie"],
            "VALETKEY_KEY_ENCRYPTION_KEYS": f"test:{_KEYS['encryption']}",
            "VALETKEY_SEALING_KEYS": _KEYS["sealing"],
            "VALETKEY_CREDENTIAL_KEYS": _KEYS["credential"],
            "VALETKEY_PASSWORD_TIME_COST": "1",
            "VALETKEY_PASSWORD_MEMORY_COST": "8192",
            "VALETKEY_LOGIN_ATTEMPTS_PER_ADDRESS": "100000",
            "VALETKEY_INTERACTIONS_PER_BROWSER": "100000",
            "VALETKEY_CODES_PER_USER_AND_CLIENT": "100000",
            "VALETKEY_CODES_PER_SESSION": "100000",
            "VALETKEY_CODES_PER_USER": "100000",
            "VALETKEY_CLIENT_FAILURES_PER_ADDRESS": "100000",
            "VALETKEY_CLIENT_FAILURES_PER_CLIENT": "100000",
            "VALETKEY_SHUTDOWN_GRACE": "1s",
            **{f"VALETKEY_{name.upper()}": value for name, value in changes.items()},
        },
        service="all",
    )


test_settings.__test__ = False  # type: ignore[attr-defined]


@dataclass
class System:
    """Start with ``with System(...) as system``. ``changes`` are settings by name, as their variables would have them.

    Every service has a role of its own in PostgreSQL; the administrator has that of ``postgres_dsn``. Services and
    the job go ``through`` a pooler where there is one.

    ``clock`` is that of every process, except of replicas that have their own in ``clocks``, by service and number.

    Every request is traced where ``spans`` takes the traces, or settings name a collector.

    ``urls`` are the addresses of every replica of every service, for tests that go past the front door, which only
    knows the first of each; ``doors`` are front doors to each replica, the issuer's first.

    The front doors speak TLS, and the issuer is https, where there is a ``certificate``.

    All services are one process where it is ``compact``, and a front door is needed for TLS alone.

    ``host`` is what the issuer calls this machine: browsers have passkeys for ``localhost``, and none for an address.
    """

    postgres_dsn: str
    redis_url: str
    issuer_path: str = ""
    replicas: int = 1
    clock: Clock = system_clock
    clocks: Mapping[tuple[str, int], Clock] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    through: PgBouncer | None = None
    listens_past_it: bool = False
    spans: SpanExporter | None = None
    certificate: SSLContext | None = None
    compact: bool = COMPACT
    host: str = LOOPBACK

    def __post_init__(self) -> None:
        self._port = free_port()
        self.issuer = f"{self.origin}{self.issuer_path}"
        self.settings = test_settings(self.issuer, self.postgres_dsn, self.redis_url, **self.changes)
        self.urls: dict[str, list[str]] = {}
        self.management_urls: dict[str, list[str]] = {}
        self.doors: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="valetkey", daemon=True)
        self._stack = AsyncExitStack()

    @property
    def origin(self) -> str:
        """Where the front door listens, without the issuer's path."""
        return self._origin_at(self._port)

    def _origin_at(self, port: int) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.host}:{port}"

    def settings_of(self, service: str) -> Settings:
        """The settings of one service, with its own role in PostgreSQL."""
        dsn = as_role(self.postgres_dsn, service)
        if self.through is None:
            return replace(self.settings, postgres_dsn=Secret(dsn))
        pooled = replace(self.settings, postgres_dsn=Secret(self.through.dsn_of(dsn)), postgres_pooler="transaction")
        return replace(pooled, postgres_listen_dsn=Secret(dsn)) if self.listens_past_it else pooled

    @property
    def administration(self) -> Administration:
        """Registers clients and users."""
        return Administration(self.settings, self.clock)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.run(self._start())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the services, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_SECONDS)

    def close(self) -> None:
        """Stop everything."""
        try:
            self.run(self._stack.aclose())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_SECONDS)
            self._loop.close()

    async def _start(self) -> None:
        await rotate(self.settings_of("key_rotation"), self.clock)
        if self.compact:
            await self._start_compact()
            return
        for name, create in SERVICES.items():
            servers = [
                await self._serve(
                    create(
                        self.settings_of(name), self._tracing(name), clock=self.clocks.get((name, number), self.clock)
                    )
                )
                for number in range(self.replicas)
            ]
            self.urls[name] = [server.url for server in servers]
            self.management_urls[name] = [server.management_url for server in servers]
        for replica in range(self.replicas):
            self.doors.append(await self._open_door(replica))

    async def _start_compact(self) -> None:
        """Replicas that are every service each; the first listens where the issuer says, unless that takes TLS."""
        for number in range(self.replicas):
            at_the_issuer = not number and self.certificate is None
            settings = replace(self.settings_of("compact"), port=self._port if at_the_issuer else free_port())
            clock = self.clocks.get(("compact", number), self.clock)
            server = await self._serve(create_compact(settings, self._tracing("compact"), clock=clock), settings)
            for name in SERVICES:
                self.urls.setdefault(name, []).append(server.url)
                self.management_urls.setdefault(name, []).append(server.management_url)
            self.doors.append(
                f"{server.url}{self.issuer_path}" if self.certificate is None else await self._open_door(number)
            )

    async def _open_door(self, replica: int) -> str:
        """A front door to one replica of every service; the first stands where the issuer says."""
        door = FrontDoor({name: urls[replica] for name, urls in self.urls.items()}, self.issuer_path)
        # The servers of the product never speak TLS; what ends it in front of them is another's.
        kind = web.AppRunner if self.certificate else Runner
        runner = kind(create_front_door(door), shutdown_timeout=1)
        self._stack.push_async_callback(runner.cleanup)
        await runner.setup()
        port = free_port() if replica else self._port
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=self.certificate).start()
        return f"{self._origin_at(port)}{self.issuer_path}"

    def _tracing(self, service: str) -> Tracing | None:
        if self.spans is None and not self.settings.otlp_endpoint:
            return None
        tracing = create_tracing(replace(self.settings, trace_sample_ratio=1.0), service, self.spans)
        self._stack.callback(tracing.shutdown)
        return tracing

    async def _serve(self, app: web.Application, settings: Settings | None = None) -> RunningServer:
        server = await start_app(app, settings or self.settings)
        self._stack.push_async_callback(server.close)
        return server


async def rotate(settings: Settings, clock: Clock = system_clock, *, emergency: bool = False) -> None:
    """Run the key rotation job once."""
    async with open_database(settings, "key_rotation") as database:
        sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
        await rotate_keys(database, sealer, RotationPolicy.from_settings(settings), clock, emergency=emergency)
