from datetime import UTC, datetime, timedelta

from valetkey.runtime.lifecycle.clock import Clock, system_clock


def test_the_system_clock_tells_the_present_in_utc() -> None:
    clock: Clock = system_clock
    before = datetime.now(UTC)

    now = clock()

    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)
