"""The one place where Redis being away becomes ``TemporarilyUnavailable``, and where its answers are timed."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.metrics import DATABASE_OPERATION
from valetkey.runtime.telemetry.tracing import record_operation

_SYSTEM = "redis"
_ATTRIBUTES: dict[str, str | int] = {"db.system.name": _SYSTEM}

_AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    # After an invalid response the other answers of the connection cannot be trusted either.
    exceptions.InvalidResponse,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.MasterDownError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    exceptions.MovedError,
    exceptions.AskError,
)
# What redis-py has no class for, or cannot see because a script met it and put its own words before it.
_REFUSAL = re.compile(
    r"(?:^|[ :]-)(?:BUSY|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|UNKILLABLE) |^DB index is out of range"
)


@contextmanager
def redis_operation(name: str) -> Iterator[None]:
    """Time one exchange with Redis, and raise ``TemporarilyUnavailable`` where Redis is away, full, or refuses writes.

    ``name`` is one of ours, so that it can name a span and be a metric's label. Other errors that Redis answers are
    faults of ours, and pass.
    """
    started = time.perf_counter()
    error_type = ""
    try:
        yield
    except BaseException as error:
        error_type = type(error).__name__
        if _is_away(error):
            raise TemporarilyUnavailable(f"redis is away: {error_type}") from error
        raise
    finally:
        ended = time.perf_counter()
        trace_id = record_operation(name, _ATTRIBUTES, started, ended, error_type)
        DATABASE_OPERATION.observe(ended - started, _SYSTEM, name, error_type, trace_id=trace_id)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, _AWAY):
        return True
    return isinstance(error, exceptions.ResponseError) and _REFUSAL.search(str(error)) is not None
