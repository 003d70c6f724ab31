"""Everything that services say and keep, to be searched for what they must not."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from redis.asyncio import Redis

from valetkey.runtime.telemetry.audit import Lines, audit_told_to
from valetkey.runtime.telemetry.logging import ConsoleFormatter, JsonFormatter


@contextmanager
def captured_output() -> Iterator[io.StringIO]:
    """All logs of this process, down to debug, in every form they can take, and the audit stream."""
    heard = io.StringIO()
    handlers: list[tuple[logging.Logger, logging.Formatter]] = [
        (logging.getLogger(), JsonFormatter()),
        (logging.getLogger(), ConsoleFormatter()),
    ]
    attached = []
    levels = {logger: logger.level for logger, _ in handlers}
    for logger, formatter in handlers:
        handler = logging.StreamHandler(heard)
        handler.setFormatter(formatter)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        attached.append((logger, handler))
    try:
        with audit_told_to(Lines("test", heard)):
            yield heard
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
        for logger, handler in attached:
            logger.removeHandler(handler)


async def everything_in_redis(url: str) -> str:
    """Every key, and every value that is a string."""
    async with Redis.from_url(url) as redis:
        keys = [key async for key in redis.scan_iter(count=1000)]
        values = [await redis.get(key) for key in keys if await redis.type(key) == b"string"]
    return "\n".join(part.decode("latin-1") for part in (*keys, *values) if part is not None)


async def everything_in_postgres(dsn: str) -> str:
    """Every row of every table, binary columns as text as well."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = [
            row["row"]
            for table in tables
            for row in await connection.fetch(f"SELECT t::text AS row FROM {table['name']} AS t")  # noqa: S608
        ]
    finally:
        await connection.close()
    return "\n".join(rows)
