"""The one place where Redis being away becomes ``TemporarilyUnavailable``, and where its answers are timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from valetkey.core.errors import TemporarilyUnavailable
from valetkey.runtime.metrics import DATABASE_OPERATION

_AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.MasterDownError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
)
# What redis-py has no class for: the server is up and refuses for now.
_REFUSALS = ("BUSY", "LOADING", "MISCONF", "NOREPLICAS", "UNKILLABLE")


@contextmanager
def redis_operation(name: str) -> Iterator[None]:
    """Time one exchange with Redis, and raise ``TemporarilyUnavailable`` where Redis is away, full, or refuses writes.

    ``name`` is one of ours, so that it can be a metric's label. Other errors that Redis answers are faults of ours, and
    pass.
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
        DATABASE_OPERATION.observe(time.perf_counter() - started, "redis", name, error_type)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, _AWAY):
        return True
    return isinstance(error, exceptions.ResponseError) and str(error).startswith(_REFUSALS)
