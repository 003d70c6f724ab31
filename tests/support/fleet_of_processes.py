"""Services as processes of their own, over a PostgreSQL and a Redis that nothing else uses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.fleet import Fleet
from support.service_processes import ServiceProcesses
from support.stores import create_migrated
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fleet_of_processes(**settings: str) -> Iterator[Fleet]:
    """As long as the context lasts; ``settings`` by name."""
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_migrated(postgres, "valetkey")
        with ServiceProcesses(postgres.dsn_of("valetkey"), redis.url, **settings) as system:
            yield Fleet(system, system.run(system.administration.create_catalog()))
