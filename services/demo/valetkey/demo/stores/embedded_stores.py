"""The embedded PostgreSQL and Redis of one run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from valetkey.demo.demo_error import DemoError
from valetkey.demo.stop_signal import in_thread
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.demo.stores.embedded_server import EmbeddedServerError
from valetkey.demo.stores.launcher import unprivileged_user
from valetkey.demo.stores.postgres_binaries import is_open_to_all


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the stores are; both addresses hold a password."""

    postgres_dsn: str
    redis_url: str


@asynccontextmanager
async def embedded_stores(directory: Path, kept: Path | None = None) -> AsyncIterator[Stores]:
    """Both stores, running until the end of the block. Raises ``DemoError`` where one does not start.

    PostgreSQL has its data in the directory ``kept``, where there is one, and finds them there the next time.
    """
    postgres, redis = _postgres(directory, kept), EmbeddedRedis(directory / "redis")
    try:
        await _together(postgres.start, redis.start)
        yield Stores(postgres.dsn, redis.url)
    except EmbeddedServerError as error:
        raise DemoError(*str(error).splitlines()) from error
    finally:
        await _together(postgres.close, redis.close)


def _postgres(directory: Path, kept: Path | None) -> EmbeddedPostgres:
    # As root PostgreSQL runs as a user that may not enter, say, /root; then a temporary directory has to do.
    can_enter = unprivileged_user() is None or is_open_to_all(directory)
    if kept is None:
        return EmbeddedPostgres(directory / "postgres" if can_enter else None)
    if not can_enter:
        raise DemoError(
            f"--keep: as root PostgreSQL runs as a user that may not enter {directory}: start as another user, or from"
            " where every user may enter."
        )
    return EmbeddedPostgres(kept / "postgres", is_durable=True)


async def _together(*work: Callable[[], None]) -> None:
    """Run each in a thread of its own; raise the first failure once all of them have ended."""
    results = await asyncio.gather(*map(in_thread, work), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
