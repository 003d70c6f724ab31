"""What is flat, and what is not, however fast the machine was meanwhile."""

import pytest

from bench.counters import Counters
from bench.growth_table import Size, line
from bench.measurement import Measurement


def size(microseconds: float, *, bare: float = 50.0, sql: float = 0.0) -> Size:
    found = Measurement(1000, 1.0, microseconds / 1000, 0.1, 1.0, 2.0, 3.0)
    return Size("refresh", "10 clients", found, Counters(1000, sql * 1000, 0), bare, 90.0)


def test_a_machine_that_is_slower_throughout_changes_no_ratio() -> None:
    assert size(400, bare=100).ratio(size(200, bare=50)) == pytest.approx(1.0)


@pytest.mark.parametrize(("microseconds", "is_flat"), [(200, True), (245, True), (260, False)])
def test_what_costs_a_quarter_more_is_not_flat(microseconds: float, is_flat: bool) -> None:
    said = line(size(microseconds), size(200))

    assert ("NOT FLAT" not in said) == is_flat


def test_statements_are_told_for_each_request() -> None:
    record = size(200, sql=1.02).record(size(200))

    assert (record["sql_per_request"], record["cpu_microseconds"], record["ratio"]) == (1.02, 200.0, 1.0)
