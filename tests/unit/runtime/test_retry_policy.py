"""Waiting for PostgreSQL and its schema, with a clock that only moves during a sleep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.key_rotation.jitter import spread
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy, RetryTimeoutError
from valetkey.storage.postgres.schema.version import SchemaMismatchError

AWAY = TemporarilyUnavailable("PostgreSQL: ConnectionRefusedError")
OLD = SchemaMismatchError("the schema is at 0000")


@dataclass
class Sleeper:
    """A clock, the sleeps that moved it, and work that fails with each of ``failures`` before it succeeds."""

    failures: list[Exception] = field(default_factory=list)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def attempt(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def patience(self, seconds: float) -> RetryPolicy:
        return RetryPolicy(timedelta(seconds=seconds), self.clock, self.sleep)


async def test_what_is_there_is_not_waited_for() -> None:
    sleeper = Sleeper()

    assert await sleeper.patience(60).wait_for(sleeper.attempt) == "done"
    assert sleeper.slept == []


async def test_postgres_and_then_its_schema_are_waited_for() -> None:
    sleeper = Sleeper([AWAY, AWAY, OLD])

    assert await sleeper.patience(60).wait_for(sleeper.attempt) == "done"
    assert len(sleeper.slept) == 3


@pytest.mark.parametrize("failure", [AWAY, OLD], ids=["postgres away", "schema too old"])
async def test_patience_ends_when_it_was_said_to_and_says_what_is_missing(failure: Exception) -> None:
    sleeper = Sleeper([failure] * 1000)

    with pytest.raises(RetryTimeoutError, match="waited 5 s: ") as caught:
        await sleeper.patience(5).wait_for(sleeper.attempt)

    assert str(failure) in str(caught.value)
    assert sum(sleeper.slept) == 5


async def test_without_patience_the_first_failure_counts() -> None:
    sleeper = Sleeper([OLD])

    with pytest.raises(SchemaMismatchError):
        await sleeper.patience(0).wait_for(sleeper.attempt)

    assert sleeper.slept == []


async def test_another_failure_is_not_waited_out() -> None:
    sleeper = Sleeper([AWAY, ValueError("a bug")])

    with pytest.raises(ValueError, match="a bug"):
        await sleeper.patience(60).wait_for(sleeper.attempt)

    assert len(sleeper.slept) == 1


async def test_jitter_is_a_random_part_of_what_was_allowed() -> None:
    sleeper = Sleeper()

    for _ in range(100):
        await spread(timedelta(seconds=60), sleeper.sleep)
    await spread(timedelta(0), sleeper.sleep)

    assert len(set(sleeper.slept)) == len(sleeper.slept) == 100
    assert all(0 <= seconds <= 60 for seconds in sleeper.slept)
    assert max(sleeper.slept) - min(sleeper.slept) > 10
