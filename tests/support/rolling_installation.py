"""Replicas that are processes of one release or another, replaced one at a time behind a front door."""

from __future__ import annotations

import asyncio
import itertools
import os
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from support.demo_profile import USER, demo_party
from support.release import Release
from support.relying_party import RelyingParty
from support.repository import ROOT
from support.scrape import Scrape
from support.service_processes import ServiceProcesses
from support.system import SERVICES
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.runtime.http.aiohttp_inside.protocol import Runner

T = TypeVar("T")
CLIENTS = ROOT / "deploy" / "compose" / "demo-clients.yaml"
_SECRETS = ("demo-web-secret", "demo-machine-secret", "demo-api-secret", "demo-user-password")
# So long a terminated replica is still sent requests, and so long it must at least serve on.
_PROPAGATION_SECONDS, _DRAIN = 0.5, "1s"
_READY_SECONDS, _END_SECONDS, _LONGEST_SECONDS = 60, 30, 300


@dataclass(slots=True)
class Replica:
    """One process of a service, and where it listens."""

    release: Release
    process: asyncio.subprocess.Process
    url: str
    management_url: str


class Endpoints(Mapping[str, str]):
    """Where each service listens: another of its replicas for each lookup. Nothing is tried twice."""

    def __init__(self) -> None:
        self.of = {name: list[str]() for name in SERVICES}
        self._turn = itertools.count()

    def __getitem__(self, service: str) -> str:
        urls = self.of[service]
        return urls[next(self._turn) % len(urls)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.of)

    def __len__(self) -> int:
        return len(self.of)


class RollingInstallation(ServiceProcesses):
    """Two replicas of each service, and whatever ``release`` registers, migrates and rotates before they start."""

    def __init__(self, postgres_dsn: str, redis_url: str, release: Release, directory: Path) -> None:
        super().__init__(postgres_dsn, redis_url, drain_delay=_DRAIN, shutdown_grace="10s")
        self.replicas = 2
        self._first = release
        self._directory = directory
        self._endpoints = Endpoints()
        self._running: dict[str, list[Replica]] = {name: [] for name in SERVICES}

    @property
    def versions(self) -> dict[str, list[str]]:
        """What each replica of each service says that it is."""
        return {
            name: [version for url in urls for version in Scrape.of([url]).values["valetkey_build_info"]["version"]]
            for name, urls in self.management_urls.items()
        }

    def party(self, client: str) -> RelyingParty:
        """A client of the demo profile and its user: web, machine or api."""
        party = demo_party(self.issuer, client, self._secret)
        # Also where it goes past the front door, its pages are those of the issuer.
        party.browser.origin = self.issuer
        # Each release looks for its own.
        party.browser.keeps_names = True
        return party

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """As a ``System`` does; but a dozen programs that start take their time on a busy machine."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST_SECONDS)

    async def operate(self, release: Release, role: str, *words: str, module: str = "valetkey.cli") -> str:
        """What a command answers, as this role of PostgreSQL."""
        process = await asyncio.create_subprocess_exec(
            *release.command(module, *words),
            env=_environment(self._of(release, role, 0, 0)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def replace(self, service: str, number: int, release: Release) -> int:
        """SIGTERM, the end, another process of this release; the exit code of the first."""
        leaving = self._running[service][number]
        leaving.process.terminate()
        # Clients learn of it later than the replica itself.
        await asyncio.sleep(_PROPAGATION_SECONDS)
        self._endpoints.of[service].remove(leaving.url)
        async with asyncio.timeout(_END_SECONDS):
            code = await leaving.process.wait()
        self._running[service][number] = await self._run(service, release)
        self._publish()
        return code

    async def _start(self) -> None:
        await self.operate(self._first, "migration", "migrate", "up")
        await self.operate(self._first, "key_rotation", module="valetkey.key_rotation")
        await self._register()
        for name in SERVICES:
            self._running[name] = [await self._run(name, self._first) for _ in range(self.replicas)]
        self._publish()
        runner = Runner(create_front_door(FrontDoor(self._endpoints, "")), shutdown_timeout=1)
        self._stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, self._port).start()

    async def _register(self) -> None:
        for name in _SECRETS:
            (self._directory / name).write_text(f"{name}-of-one-test-run-and-of-no-other", encoding="utf-8")
        clients = self._directory / "clients.yaml"
        clients.write_text(CLIENTS.read_text().replace("/run/secrets", str(self._directory)), encoding="utf-8")
        await self.operate(self._first, "operator", *("client", "apply", "--file", str(clients), "--yes"))
        password = ("--password-file", str(self._directory / "demo-user-password"))
        await self.operate(
            self._first, "operator", *("user", "create", USER, "--claim", "name=Ada Lovelace"), *password
        )

    async def _run(self, service: str, release: Release) -> Replica:
        port, management = free_port(), free_port()
        with (self._directory / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *release.command(f"valetkey.{service}"),
                env=_environment(self._of(release, service, port, management)),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        self._stack.push_async_callback(_end, process)
        replica = Replica(release, process, f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{management}")
        async with asyncio.timeout(_READY_SECONDS):
            while not await asyncio.to_thread(_answers, f"{replica.management_url}/readyz"):
                assert process.returncode is None, (self._directory / "log").read_text()[-2000:]
                await asyncio.sleep(0.05)
        return replica

    def _of(self, release: Release, service: str, port: int, management_port: int) -> dict[str, str]:
        variables = self._variables(service, port, management_port)
        # The release before knows of neither.
        for name in ("VALETKEY_SEALING_KEYS", "VALETKEY_CREDENTIAL_KEYS"):
            del variables[name]
        return variables | {**release.settings}

    def _publish(self) -> None:
        for name, replicas in self._running.items():
            self.urls[name] = [replica.url for replica in replicas]
            self.management_urls[name] = [replica.management_url for replica in replicas]
            self._endpoints.of[name] = self.urls[name][:]

    def _secret(self, name: str) -> str:
        return (self._directory / name).read_text(encoding="utf-8")


def _environment(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")} | variables


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of ours
        return True
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
