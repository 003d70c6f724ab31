"""Fixtures of the tests that speak to the wired system over HTTP."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession, DummyCookieJar
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.aging import Aging
from support.fragile import Fragile
from support.movable_clock import MovableClock
from support.stores import create_migrated
from support.system import System
from support.systems import running_system
from support.wire import Wire
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis


@pytest.fixture
async def wire(system: System) -> AsyncIterator[Wire]:
    """Requests written out by hand to the shared system."""
    async with ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False) as http:
        yield Wire(http, system.urls)


@pytest.fixture(scope="session")
def aging(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Aging]:
    """Shared by the tests of a worker that let time pass."""
    clock = MovableClock()
    with running_system(postgres_server, migrated_template, clock=clock) as system:
        yield Aging(system, clock, system.run(system.administration.create_catalog()))


@pytest.fixture(scope="session")
def fragile() -> Iterator[Fragile]:
    """Shared by the tests of a worker that take stores away, or search them."""
    spans = InMemorySpanExporter()
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_migrated(postgres, "valetkey")
        changes = {"postgres_timeout": "1s", "redis_timeout": "500ms"}
        with System(postgres.dsn_of("valetkey"), redis.url, spans=spans, changes=changes) as system:
            yield Fragile(system, postgres, redis, spans, system.run(system.administration.create_catalog()))
