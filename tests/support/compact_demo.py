"""``valetkey serve all`` with what the demo has: its users, clients and scopes, and the file that describes them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.service_processes import ServiceProcesses
from support.stores import create_migrated
from valetkey.demo.demo_file import demo_file
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.registration import Addresses, Registration, register
from valetkey.demo.seed import seed
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CompactDemo:
    """It runs, and ``file`` describes it as that of the demo would."""

    file: Path

    @property
    def document(self) -> dict[str, Any]:
        """What the file says."""
        content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return content


@contextmanager
def compact_demo(directory: Path) -> Iterator[CompactDemo]:
    """One, with a file in this directory, for as long as the context lasts."""
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_migrated(postgres, "valetkey")
        one_process = ServiceProcesses(postgres.dsn_of("valetkey"), redis.url)
        one_process.compact = True
        with one_process as system:
            tour, api, inbox = (f"http://{LOOPBACK}:{free_port()}" for _ in range(3))
            registration = register(Addresses(issuer=system.issuer, tour=tour, api=api, inbox=inbox))
            system.run(_register(system, registration))
            with demo_file(directory, registration) as file:
                yield CompactDemo(file)


async def _register(system: ServiceProcesses, registration: Registration) -> None:
    async with system.administration.database() as database:
        await seed(database, registration, system.settings, system_clock)
