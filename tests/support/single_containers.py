"""A whole installation of single containers, without ``docker compose``: stores, roles, jobs, one of each service.

``testcontainers`` starts and removes them. Its reaper, an image of its own, is not needed: leaving the block removes
all.
"""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer, ExecConfig
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import ExecWaitStrategy

from support.containers import HARDENED_OPTIONS, SERVICES, image_of, inspect
from support.demo_profile import USER, demo_party
from support.relying_party import RelyingParty
from support.repository import ROOT
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.runtime.http.aiohttp_inside.protocol import Runner

testcontainers_config.ryuk_disabled = True

POSTGRES_IMAGE, REDIS_IMAGE = "postgres:15", "redis:7"
PUBLIC = 8080
# What each role of PostgreSQL comes with, beside its own password.
SECRETS = {
    "authorize": ("redis-url", "cookie-keys", "sealing-keys"),
    "token": ("redis-url", "refresh-token-keys", "key-encryption-keys", "sealing-keys"),
    "introspection": ("redis-url",),
    "key-rotation": ("key-encryption-keys",),
    "migration": (),
    "operator": ("redis-url",),
}
DEMO_SECRETS = ("demo-web-secret", "demo-machine-secret", "demo-api-secret", "demo-user-password")
CLIENTS = "/etc/valetkey/clients.yaml"
ROLES_FILE = "/etc/valetkey/roles.sql"
WAIT_SECONDS = "60"


@dataclass
class SingleContainers:
    """Secrets in files of its own, an issuer on the loopback address, and a network that only its containers are in."""

    directory: Path
    containers: dict[str, DockerContainer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._port = free_port()
        self.issuer = f"http://{LOOPBACK}:{self._port}"
        # A port is published to this machine only.
        options = {"com.docker.network.bridge.host_binding_ipv4": LOOPBACK}
        self.network = Network(docker_network_kw={"driver": "bridge", "options": options})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything is ready within the block, and gone afterwards, however it ends."""
        subprocess.run([ROOT / "deploy/compose/secrets.sh", self.directory], check=True)
        with self.network, ExitStack() as stack:
            self._start_stores(stack)
            # As in a cluster, in any order: each waits for what it needs.
            for service in SERVICES:
                container = self._ours(service, service).with_exposed_ports(PUBLIC)
                self.containers[service] = stack.enter_context(container.with_network_aliases(service))
            keys = stack.enter_context(self._ours("key_rotation", "key-rotation", "--wait", WAIT_SECONDS))
            migration = stack.enter_context(self._ours("cli", "migration", "migrate", "up", "--wait", WAIT_SECONDS))
            for job in (migration, keys):
                require_success(job)
            self.operate("client", "apply", "--file", CLIENTS, "--owner", "test", "--yes")
            self.operate(
                *("user", "create", USER, "--claim", "name=Ada Lovelace"),
                *("--password-file", "/run/secrets/demo-user-password"),
            )
            for service in SERVICES:
                _until("/opt/valetkey/bin/healthcheck").wait_until_ready(self.containers[service])
            yield

    @asynccontextmanager
    async def front_door(self) -> AsyncIterator[None]:
        """What stands where the issuer says, in this process, and asks the published ports."""
        upstreams = {service: f"http://{LOOPBACK}:{self._published(service)}" for service in SERVICES}
        runner = Runner(create_front_door(FrontDoor(upstreams, "")), shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
            yield
        finally:
            await runner.cleanup()

    def secret(self, name: str) -> str:
        """What ``secrets.sh`` made."""
        return (self.directory / name).read_text(encoding="utf-8")

    def party(self, client: str) -> RelyingParty:
        """A client of the demo profile and its user: web, machine or api."""
        return demo_party(self.issuer, client, self.secret)

    def operate(self, *words: str) -> str:
        """What a command of the operator answers, in a container that is gone afterwards."""
        container = self._ours("cli", "operator", *words)
        for name in DEMO_SECRETS:
            container.with_volume_mapping(self.directory / name, f"/run/secrets/{name}")
        container.with_volume_mapping(ROOT / "deploy/compose/demo-clients.yaml", CLIENTS)
        with container:
            return require_success(container)

    def _published(self, service: str) -> int:
        ports = inspect(self.containers[service].get_container_id())["NetworkSettings"]["Ports"]
        return int(ports[f"{PUBLIC}/tcp"][0]["HostPort"])

    def _ours(self, image: str, role: str, *words: str) -> DockerContainer:
        """An image of ours, hardened, in a role of PostgreSQL, with its secrets and no other."""
        container = DockerContainer(image_of(image), network=self.network, **HARDENED_OPTIONS)
        if words:
            container.with_command(list(words))
        container.with_envs(
            VALETKEY_ISSUER=self.issuer,
            VALETKEY_POSTGRES_DSN=f"postgresql://valetkey_{role.replace('-', '_')}@postgres:5432/valetkey",
            # A connection through a published port comes from the network's own gateway.
            VALETKEY_TRUSTED_PROXIES="10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
        )
        password = f"postgres-{role}-password"
        for name in (*SECRETS[role], password):
            setting = "POSTGRES_PASSWORD" if name == password else name.replace("-", "_").upper()
            container.with_env(f"VALETKEY_{setting}_FILE", f"/run/secrets/{name}")
            container.with_volume_mapping(self.directory / name, f"/run/secrets/{name}")
        return container

    def _start_stores(self, stack: ExitStack) -> None:
        redis = ["redis-server", "--requirepass", self.secret("redis-password"), "--save", "", "--appendonly", "no"]
        stack.enter_context(
            DockerContainer(REDIS_IMAGE, network=self.network, network_aliases=["redis"]).with_command(redis)
        )
        # PostgreSQL's image first starts one that only its own socket reaches.
        answers = _until("pg_isready", "--quiet", "--host", "127.0.0.1", "-U", "postgres", "-d", "valetkey")
        postgres = stack.enter_context(
            DockerContainer(POSTGRES_IMAGE, network=self.network, network_aliases=["postgres"])
            .with_envs(POSTGRES_PASSWORD=self.secret("postgres-admin-password"), POSTGRES_DB="valetkey")
            .with_volume_mapping(ROOT / "deploy/postgres/roles.sql", ROLES_FILE)
            .waiting_for(answers)
        )
        passwords = {
            f"VALETKEY_{role.replace('-', '_').upper()}_PASSWORD": self.secret(f"postgres-{role}-password")
            for role in SECRETS
        }
        psql = ["psql", "--no-psqlrc", "--quiet", "-U", "postgres", "-d", "valetkey", "--file", ROLES_FILE]
        created = postgres.exec(ExecConfig(psql, environment=passwords))
        assert created.exit_code == 0, created.output.decode()


def _until(*words: str) -> ExecWaitStrategy:
    """Until this command succeeds in the container."""
    return ExecWaitStrategy(list(words)).with_poll_interval(0.2).with_startup_timeout(int(WAIT_SECONDS))


def require_success(container: DockerContainer) -> str:
    """What a program that runs once has answered. An ``AssertionError`` says what it complained of."""
    code = container.wait()
    out, err = (stream.decode() for stream in container.get_logs())
    assert code == 0, f"{code}: {out}{err}"
    return out
