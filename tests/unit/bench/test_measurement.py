"""Numbers of a run."""

import pytest

from bench.measurement import Measurement, percentiles


def test_percentiles_are_milliseconds_in_any_order_of_the_latencies() -> None:
    latencies = [number / 1000 for number in range(100, 0, -1)]

    assert percentiles(latencies) == pytest.approx((51, 96, 100))


@pytest.mark.parametrize(("latencies", "expected"), [([], 0.0), ([0.5], 500.0)])
def test_percentiles_of_little(latencies: list[float], expected: float) -> None:
    assert percentiles(latencies) == (expected, expected, expected)


def test_a_run_in_which_nothing_happened_divides_by_nothing() -> None:
    found = Measurement(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    assert (found.per_second, found.per_core, found.cpu_microseconds) == (0.0, 0.0, 0.0)


def test_cost_is_of_the_services_and_not_of_the_clock() -> None:
    found = Measurement(units=1000, seconds=2.0, cpu_seconds=0.5, driver_load=0.0, p50=0.0, p95=0.0, p99=0.0)

    assert (found.per_second, found.per_core, found.cpu_microseconds) == (500, 2000, 500)
