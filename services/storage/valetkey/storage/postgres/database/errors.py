"""Translates the failures of PostgreSQL into the errors of ``core``."""

from __future__ import annotations

from types import TracebackType

import asyncpg

from valetkey.core.oauth.errors import TemporarilyUnavailable

# These can be retried: the server is away, full, restarting, a standby, or chose another transaction as the winner.
# A refused login is among them, because passwords are exchanged while services run.
_UNAVAILABLE = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    # What asyncpg makes of a statement after the server has said farewell and before the connection is closed.
    asyncpg.InternalClientError,
)


class Conflict(Exception):
    """What was to be stored conflicts with what is stored. The message is for the caller."""


class PostgresErrors:
    """A context in which an absent PostgreSQL is ``TemporarilyUnavailable``; anything else is a bug and passes."""

    def __enter__(self) -> None:
        """Nothing to prepare: one instance serves every context at once."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Translate."""
        if isinstance(error, _UNAVAILABLE) or _is_closed(error):
            raise TemporarilyUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error


def _is_closed(error: BaseException | None) -> bool:
    # asyncpg has one class for misuse and for a connection or pool that was closed meanwhile.
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)


postgres_errors = PostgresErrors()
