"""A statement that answers many callers, as the trace of each of them shows it: from its question to its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from valetkey.runtime.telemetry.tracing import record_operation
from valetkey.storage.postgres.database.statement import Statement


@contextmanager
def shown_as(statement: Statement, attributes: Mapping[str, str | int]) -> Iterator[None]:
    """Keep what happens inside the block as this operation, where the request is sampled.

    The statement itself runs in a task of the process, which belongs to no trace.
    """
    started, failure = perf_counter(), ""
    try:
        yield
    except BaseException as error:
        failure = type(error.__cause__ or error).__name__
        raise
    finally:
        record_operation(statement.name, attributes, started, perf_counter(), failure)
