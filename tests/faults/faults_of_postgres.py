"""A PostgreSQL that is away, hangs, is full, or takes no writes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from faults.fault import Fault
from faults.harm import frozen, killed, restarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from faults.site import Site
    from valetkey.demo.stores.embedded_server import EmbeddedServer

_OTHERS = 64


def _postgres(site: Site) -> Sequence[EmbeddedServer]:
    return [site.postgres]


@asynccontextmanager
async def out_of_connections(site: Site) -> AsyncIterator[None]:
    """Others hold every connection there is, those of the services included."""
    async with _administrator(site) as administrator:
        others: list[asyncpg.Connection[asyncpg.Record]] = []

        async def occupy() -> None:
            with suppress(asyncpg.TooManyConnectionsError):
                for _ in range(_OTHERS):
                    await administrator.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'valetkey%'"
                    )
                    others.append(await asyncpg.connect(site.dsn))

        await occupy()
        try:
            yield
        finally:
            for other in others:
                await other.close()


@asynccontextmanager
async def read_only(site: Site) -> AsyncIterator[None]:
    """Every new transaction is read-only, as on a standby."""
    async with _administrator(site) as administrator:
        await administrator.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await administrator.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            await administrator.execute("ALTER SYSTEM RESET default_transaction_read_only")
            await administrator.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def full(site: Site) -> AsyncIterator[None]:
    """No room on its disk. Where that ends it, it is started again once there is room."""
    await asyncio.to_thread(site.postgres.fill_disk)
    try:
        yield
    finally:
        await asyncio.to_thread(site.postgres.empty_disk)
        await asyncio.to_thread(site.postgres.start)


@asynccontextmanager
async def _administrator(site: Site) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(site.postgres.dsn)
    try:
        yield connection
    finally:
        await connection.close()


FAULTS = (
    Fault("postgresql: killed and back", killed(_postgres)),
    Fault("postgresql: restarted", restarted(_postgres), seconds=0.0),
    Fault("postgresql: hangs", frozen(_postgres), seconds=2.5),
    Fault("postgresql: out of connections", out_of_connections),
    Fault("postgresql: read-only", read_only),
    Fault("postgresql: disk full", full, why_not=lambda site: site.postgres.why_not),
)
