"""Runs a command with PostgreSQL, and with Redis where it ends something; what they raise becomes a ``Failure``."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Concatenate, ParamSpec

import click
from asyncpg import InsufficientPrivilegeError
from redis.asyncio import Redis

from valetkey.cli.failure import Conflict, Misconfigured, Unavailable, WaitedInVain
from valetkey.cli.operator_audit import configure_operator_audit
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation
from valetkey.core.ports.clock import Clock
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.lifecycle.retry_policy import Patience, WaitedInVainError
from valetkey.runtime.settings.secret import SecretMissingError
from valetkey.runtime.settings.settings import Settings, SettingsError, load_settings
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.telemetry.redaction import redact
from valetkey.storage.postgres.database.errors import Conflict as StoredConflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.schema.version import SchemaMismatchError, require_schema
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.revocation import RevocationStore
from valetkey.storage.stores import create_revocation_store, open_database

Parameters = ParamSpec("Parameters")
Publish = Callable[[Sequence[Revocation]], Awaitable[None]]

_NO_PATIENCE = Patience()
_ATTEMPTS = 5
_PAUSE = 1.0
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Stores:
    """What a command works with."""

    settings: Settings
    database: Database
    clock: Clock

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """Redis, or its Sentinels' or Cluster's masters."""
        timeout = timedelta(seconds=self.settings.redis_timeout)
        redis = connect(self.settings.redis_url.reveal(), timeout=timeout, max_connections=_CONNECTIONS)
        try:
            yield redis
        finally:
            await redis.aclose()

    @asynccontextmanager
    async def revoking(self) -> AsyncIterator[Publish]:
        """A way to tell Redis what has ended in PostgreSQL. Redis is asked first, before anything ends."""
        async with self.redis() as redis:
            with redis_operation("ping"):
                await redis.ping()
            revocations = create_revocation_store(self.settings, self.database, redis, self.clock)
            try:
                yield functools.partial(_publish, revocations)
            finally:
                await revocations.aclose()


def with_stores(
    command: Callable[Concatenate[Stores, Parameters], Coroutine[object, object, None]],
) -> Callable[Parameters, None]:
    """Make a coroutine that takes ``Stores`` first a command that click can call."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        async def work() -> None:
            async with open_stores(settings) as stores:
                await command(stores, *args, **kwargs)

        _require_text((args, kwargs))
        with translated():
            settings = load_settings("cli")
            prepare(settings)
            asyncio.run(work())

    return run


def _require_text(given: object) -> None:
    """Raise ``click.UsageError`` for an argument of bytes that are no UTF-8, which no store keeps."""
    match given:
        case str():
            if any("\ud800" <= character <= "\udfff" for character in given):
                raise click.UsageError(f"{given!r} is not UTF-8; type it in that encoding.")
        case Mapping():
            for name, member in given.items():
                _require_text((name, member))
        case tuple() | list():
            for member in given:
                _require_text(member)


def prepare(settings: Settings) -> None:
    """Send logs and audit events to standard error: standard output is the answer."""
    configure_logging(settings, "cli")
    if settings.log_level != "debug":
        # A command says what it did in its own words.
        logging.getLogger().setLevel(logging.WARNING)
    configure_operator_audit()


@asynccontextmanager
async def open_stores(
    settings: Settings, clock: Clock = system_clock, patience: Patience = _NO_PATIENCE
) -> AsyncIterator[Stores]:
    """PostgreSQL with a schema that this code can work with."""
    async with open_database(replace(settings, postgres_pool_min=0), "cli") as database:
        await patience.wait_for(lambda: require_schema(database))
        yield Stores(settings, database, clock)


@contextmanager
def translated() -> Iterator[None]:
    """Raise a ``Failure`` for what settings and stores raise; anything else is a bug and passes."""
    try:
        yield
    except TemporarilyUnavailable as error:
        raise Unavailable(f"{redact(str(error))}. Try again; `valetkey doctor` looks for the cause.") from error
    except WaitedInVainError as error:
        raise WaitedInVain(str(error)) from error
    except SettingsError as error:
        raise Misconfigured(*error.lines) from error
    except (SecretMissingError, SchemaMismatchError) as error:
        raise Misconfigured(str(error)) from error
    except StoredConflict as error:
        raise Conflict(str(error)) from error
    except InsufficientPrivilegeError as error:
        raise Misconfigured(f"{error}: VALETKEY_POSTGRES_DSN names a role that may not do this.") from error


async def _publish(revocations: RevocationStore, ended: Sequence[Revocation]) -> None:
    """Tell Redis, several times if need be: PostgreSQL knows already, so giving up would leave them at odds."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await revocations.publish(ended)
        except TemporarilyUnavailable:
            if attempt == _ATTEMPTS:
                raise Unavailable(
                    "PostgreSQL remembers what has ended and Redis could not be told: access tokens may still be "
                    "accepted until they expire. Run `valetkey revocation reload` as soon as Redis answers."
                ) from None
            await asyncio.sleep(_PAUSE)
        else:
            return
