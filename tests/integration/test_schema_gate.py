"""A pod of a newer release waits for what it needs, says what that is, and gets to work by itself."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from aiohttp import ClientSession

from support.database_roles import as_role, create_roles
from support.eventually import eventually
from support.system import SERVICES, rotate, test_settings
from support.systems import StartSystem
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.runtime.http.server import RunningServer, start_app
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.runtime.telemetry.metrics import MIGRATIONS_PENDING
from valetkey.storage import stores
from valetkey.storage.postgres.schema import migrate, version

ISSUER = "http://127.0.0.1:8080"
SCHEMA_VERSION = version.SCHEMA_VERSION
NEXT_VERSION = f"{int(SCHEMA_VERSION) + 2:04}"
WAITS = pytest.mark.requirement("operations: pods of a newer release wait rather than crash")
NEEDS_KEYS = ("token", "introspection")
MIGRATE = "run valetkey migrate up"
ROTATE = "run valetkey rotate-keys"
# A path of each service that is answered without authentication.
PUBLIC = {"authorize": ("GET", "/authorize"), "token": ("POST", "/token"), "introspection": ("GET", "/jwks")}


@dataclass(frozen=True, slots=True)
class Pod:
    """A service as the kubelet and a client see it."""

    service: str
    server: RunningServer
    http: ClientSession

    async def probe(self, name: str) -> tuple[int, str]:
        async with self.http.get(f"{self.server.management_url}/{name}") as answer:
            return answer.status, (await answer.text()).strip()

    async def readiness(self) -> tuple[int, str]:
        return await self.probe("readyz")

    async def is_ready(self) -> bool:
        return (await self.readiness())[0] == 200

    async def ask(self) -> tuple[int, str | None]:
        """What a client gets, and when it is to come again."""
        method, path = PUBLIC[self.service]
        async with self.http.request(method, f"{self.server.url}{path}", allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Retry-After")


StartPod = Callable[..., Awaitable[Pod]]


@pytest.fixture
async def start_pod(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartPod]:
    """Starts a service under its own role."""
    monkeypatch.setattr(stores, "SCHEMA_INTERVAL", stores.SCHEMA_INTERVAL / 30)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())

        async def start(service: str, settings: Settings) -> Pod:
            server = await start_app(SERVICES[service](settings), settings)
            stack.push_async_callback(server.close)
            return Pod(service, server, http)

        yield start


@pytest.fixture
def roles_dsn(postgres_server: EmbeddedPostgres, empty_postgres_dsn: str) -> str:
    """A database with roles and without a schema."""
    create_roles(postgres_server, empty_postgres_dsn.rsplit("/", 1)[1])
    return empty_postgres_dsn


def settings_for(service: str, dsn: str, redis_url: str) -> Settings:
    return test_settings(ISSUER, as_role(dsn, service), redis_url, key_poll_interval="1s", postgres_timeout="1s")


@WAITS
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_waits_for_schema_and_keys_and_becomes_ready_without_a_restart(
    roles_dsn: str, redis_url: str, start_pod: StartPod, service: str
) -> None:
    pod = await start_pod(service, settings_for(service, roles_dsn, redis_url))
    alive, before, refused = await pod.probe("livez"), await pod.readiness(), await pod.ask()

    await migrate.upgrade(as_role(roles_dsn, "migration"))
    if service in NEEDS_KEYS:

        async def waits_for_keys() -> bool:
            return ROTATE in (await pod.readiness())[1]

        await eventually(waits_for_keys)
        refused_without_keys = await pod.ask()
        await rotate(settings_for("key_rotation", roles_dsn, redis_url))
    else:
        refused_without_keys = refused
    await eventually(pod.is_ready)

    assert alive == (200, "ok")
    assert before == (503, f"waiting: the database has no schema yet, this release needs {SCHEMA_VERSION}: {MIGRATE}")
    assert refused == refused_without_keys == (503, "5")
    assert await pod.readiness() == (200, "ready")
    assert (await pod.ask())[0] in {200, 400, 401}


@WAITS
@pytest.mark.parametrize("service", SERVICES)
async def test_a_newer_release_waits_for_its_schema_while_the_older_one_serves(
    postgres_dsn: str, redis_url: str, start_pod: StartPod, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(service, postgres_dsn, redis_url)
    await rotate(settings_for("key_rotation", postgres_dsn, redis_url))
    old = await start_pod(service, settings)
    monkeypatch.setattr(version, "SCHEMA_VERSION", NEXT_VERSION)

    new = await start_pod(service, settings)
    state, pending, beside = await new.readiness(), migrations_pending(), await old.readiness()
    await _set_version(postgres_dsn, NEXT_VERSION)
    await eventually(new.is_ready)

    assert state == (503, f"waiting: the schema is at {SCHEMA_VERSION}, this release needs {NEXT_VERSION}: {MIGRATE}")
    assert pending == 2
    assert beside == (200, "ready")
    assert migrations_pending() == 0


@pytest.mark.requirement("operations: two versions always overlap, and the schema expands first")
@pytest.mark.parametrize("service", SERVICES)
async def test_a_schema_that_is_newer_than_the_release_is_welcome(
    postgres_dsn: str, redis_url: str, start_pod: StartPod, service: str
) -> None:
    await rotate(settings_for("key_rotation", postgres_dsn, redis_url))
    await _set_version(postgres_dsn, f"{int(SCHEMA_VERSION) + 1:04}")

    pod = await start_pod(service, settings_for(service, postgres_dsn, redis_url))

    assert await pod.readiness() == (200, "ready")


@WAITS
async def test_roles_that_were_made_after_the_last_migration_wait_for_their_privileges(
    postgres_dsn: str, redis_url: str, start_pod: StartPod
) -> None:
    await _execute(postgres_dsn, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM valetkey_authorize")
    pod = await start_pod("authorize", settings_for("authorize", postgres_dsn, redis_url))
    before = await pod.readiness()

    await migrate.upgrade(as_role(postgres_dsn, "migration"))

    await eventually(pod.is_ready)
    assert before == (
        503,
        f"waiting: this database role may not even see the schema, this release needs {SCHEMA_VERSION}: {MIGRATE}",
    )


@pytest.mark.requirement("operations: readiness never follows a shared dependency")
async def test_a_ready_replica_stays_ready_while_postgresql_is_away(
    disposable_postgres: EmbeddedPostgres, redis_url: str, start_pod: StartPod
) -> None:
    dsn = disposable_postgres.dsn_of("valetkey")
    await rotate(settings_for("key_rotation", dsn, redis_url))
    pods = [await start_pod(service, settings_for(service, dsn, redis_url)) for service in SERVICES]

    await asyncio.to_thread(disposable_postgres.kill)
    await asyncio.sleep(1.5)
    away = [await pod.readiness() for pod in pods]
    # Who starts now cannot know the schema; it serves nothing from memory before it has loaded the keys.
    late = await start_pod("authorize", settings_for("authorize", dsn, redis_url))
    keyless = await start_pod("token", settings_for("token", dsn, redis_url))
    late_states = await late.readiness(), await keyless.readiness()
    await asyncio.to_thread(disposable_postgres.start)
    await eventually(keyless.is_ready)

    assert away == [(200, "ready")] * len(pods)
    assert late_states[0] == (200, "ready")
    assert late_states[1] == (503, f"waiting: no JWK Set has been loaded yet: {ROTATE}")


@WAITS
@pytest.mark.parametrize("service", SERVICES)
async def test_a_process_waits_says_so_once_and_ends_when_it_is_told(
    empty_postgres_dsn: str, redis_url: str, service: str, tmp_path: Path
) -> None:
    settings = {
        "ISSUER": ISSUER,
        "PORT": "0",
        "MANAGEMENT_PORT": "0",
        "DRAIN_DELAY": "0",
        "LOG_FORMAT": "json",
        "POSTGRES_DSN": empty_postgres_dsn,
        "REDIS_URL": redis_url,
        "REFRESH_TOKEN_KEYS": secrets.token_urlsafe(32),
        "COOKIE_KEYS": secrets.token_urlsafe(32),
        "KEY_ENCRYPTION_KEYS": f"a:{secrets.token_urlsafe(32)}",
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "valetkey.cli", "serve", service),
            env={"PATH": os.environ["PATH"], **{f"VALETKEY_{name}": value for name, value in settings.items()}},
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )

    try:
        # A busy machine takes its time to import everything.
        async with asyncio.timeout(60):
            while '"listening"' not in log.read_text():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.1)
        await asyncio.sleep(4)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()

    said = log.read_text()
    assert code == 0, said
    assert said.count("run `valetkey migrate up`") == 1
    assert "Traceback" not in said
    assert empty_postgres_dsn not in said


def test_the_wired_system_is_ready(start_system: StartSystem) -> None:
    system = start_system()

    async def states() -> list[int]:
        async with ClientSession() as http:
            urls = [url for urls in system.management_urls.values() for url in urls]
            return [(await http.get(f"{url}/readyz")).status for url in urls]

    assert system.run(states()) == [200, 200, 200]


def migrations_pending() -> float | None:
    return REGISTRY.get_sample_value(MIGRATIONS_PENDING.name)


async def _set_version(dsn: str, version: str) -> None:
    await _execute(dsn, "UPDATE alembic_version SET version_num = $1", version)


async def _execute(dsn: str, statement: str, *arguments: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement, *arguments)
    await connection.close()
