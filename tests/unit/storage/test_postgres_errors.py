import asyncpg
import pytest

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.errors import postgres_errors


@pytest.mark.requirement("security 55: dependencies away are temporarily_unavailable")
@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_absent_postgresql_is_temporarily_unavailable(error: Exception) -> None:
    with pytest.raises(TemporarilyUnavailable), postgres_errors:
        raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.UndefinedTableError("relation does not exist"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        KeyError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_ours_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), postgres_errors:
        raise error
