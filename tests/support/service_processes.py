"""Valetkey as it is deployed: each service in a process of its own, behind one front door."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import urllib.request
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from support.database_roles import as_role
from support.system import SERVICES, System, rotate
from valetkey.demo.free_port import LOOPBACK, free_port

_ATTEMPTS = 600
_PAUSE = 0.05
_END_SECONDS = 10


class ServiceProcesses(System):
    """A ``System`` whose services measure and count for themselves alone; or all in one, as ``valetkey serve all``.

    What they say, logs and audit events, goes into a file for each in ``said``, or nowhere.

    ``cores`` holds a service to the cores it names; the others run where this process may.
    """

    def __init__(
        self, postgres_dsn: str, redis_url: str, cores: Mapping[str, Collection[int]] | None = None, /, **changes: str
    ) -> None:
        changes = {
            "refresh_token_keys": secrets.token_urlsafe(32),
            "cookie_keys": secrets.token_urlsafe(32),
            "sealing_keys": secrets.token_urlsafe(32),
            "key_encryption_keys": f"test:{secrets.token_urlsafe(32)}",
            "credential_keys": secrets.token_urlsafe(32),
            "drain_delay": "0",
            **changes,
        }
        super().__init__(postgres_dsn, redis_url, changes=changes)
        self._cores = cores or {}
        self.said: Path | None = None

    async def _start(self) -> None:
        await rotate(self.settings)
        if self.compact:
            await self._start_process("compact", SERVICES, self._port)
        else:
            for name in SERVICES:
                await self._start_process(name, [name], free_port())
            if "mail_host" in self.changes:
                # The worker runs where there is a server for it.
                await self._start_process("mailer", ["mailer"], free_port())
        for urls in self.management_urls.values():
            await _wait_until_ready(f"{urls[0]}/readyz")
        self.doors.append(self.issuer if self.compact else await self._open_door(0))

    async def _start_process(self, name: str, services: Iterable[str], port: int) -> None:
        """One process that is these services."""
        management = free_port()
        for service in services:
            if service in SERVICES:
                self.urls[service] = [f"http://{LOOPBACK}:{port}"]
            self.management_urls[service] = [f"http://{LOOPBACK}:{management}"]
        command = ("valetkey.cli", "serve", "all") if name == "compact" else (f"valetkey.{name}",)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("VALETKEY_")}
        with (Path(os.devnull) if self.said is None else self.said / name).open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *command),
                env=inherited | self._variables(name, port, management),
                stdout=output,
                stderr=output,
                # A scheduling group of its own where the kernel makes one per session, as every pod has.
                start_new_session=True,
            )
        self._stack.push_async_callback(_end, process)
        if name in self._cores:
            # It has one thread yet; those to come do as it does.
            os.sched_setaffinity(process.pid, self._cores[name])

    def _variables(self, service: str, port: int, management_port: int) -> dict[str, str]:
        settings: dict[str, Any] = {
            "issuer": self.issuer,
            "host": LOOPBACK,
            "port": port,
            "management_port": management_port,
            "postgres_dsn": as_role(self.postgres_dsn, service),
            "redis_url": self.redis_url,
            "password_time_cost": 1,
            "password_memory_cost": 8192,
            "shutdown_grace": "1s",
            **self.changes,
        }
        return {f"VALETKEY_{name.upper()}": str(value) for name, value in settings.items()}


async def _wait_until_ready(url: str) -> None:
    for _ in range(_ATTEMPTS):
        if await asyncio.to_thread(_answers, url):
            return
        await asyncio.sleep(_PAUSE)
    raise TimeoutError(f"nothing is ready at {url}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of ours
            return True
    except OSError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
