"""What Redis says when it is away, and when we have made a mistake."""

import pytest
from redis import exceptions

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.redis.client.errors import redis_operation

IN_A_SCRIPT = "Error running script (call to f_1f8f): @user_script:1: @user_script: 1: -{}"


@pytest.mark.requirement("security 55: dependencies away: fail closed, 503")
@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("Error 111 connecting to redis:6379."),
        exceptions.TimeoutError("Timeout reading from redis:6379"),
        exceptions.InvalidResponse('Protocol error, got "H" as reply type byte'),
        exceptions.MaxConnectionsError("Too many connections"),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.AuthenticationError("invalid username-password pair"),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.MasterDownError("Link with MASTER is down"),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it cannot."),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("BUSY Redis is busy running a script."),
        exceptions.ResponseError(IN_A_SCRIPT.format("OOM command not allowed when used memory > 'maxmemory'.")),
        exceptions.ResponseError(IN_A_SCRIPT.format("READONLY You can't write against a read only replica.")),
    ],
    ids=str,
)
def test_a_retryable_refusal_says_so(error: Exception) -> None:
    with pytest.raises(TemporarilyUnavailable) as refusal, redis_operation("codes.consume"):
        raise error

    assert refusal.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
        exceptions.ResponseError("unknown command `LOADING`, with args beginning with: "),
        exceptions.NoPermissionError("this user has no permissions to run the 'info' command"),
        exceptions.DataError("Invalid input of type: 'NoneType'."),
        ValueError("a bug"),
    ],
    ids=str,
)
def test_a_fault_of_ours_is_not_disguised(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, redis_operation("codes.consume"):
        raise error

    assert passed.value is error
