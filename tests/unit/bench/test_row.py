"""Ratios and medians, and what the table says of them."""

from bench.measurement import Measurement
from bench.row import Reading, Row
from bench.table import markdown, terminal_line


def measured(per_core: float, *, per_second: float | None = None, load: float = 0.1, p99: float = 3.0) -> Measurement:
    units = 1000 * (per_second or per_core)
    return Measurement(int(units), 1000.0, units / per_core, load, 1.0, 2.0, p99, store_seconds=units / 10_000)


def row(*readings: Reading, budget: float | None = None, is_by_throughput: bool = False) -> Row:
    return Row("refresh", "wrk", budget, is_by_throughput, list(readings))


def test_the_ratio_is_to_the_mean_of_what_was_before_and_after() -> None:
    found = row(Reading(measured(3000), (measured(8000), measured(12_000))))

    assert found.ratio == 0.3


def test_the_median_round_counts() -> None:
    rounds = [Reading(measured(each), (measured(10_000),)) for each in (9000, 1000, 4000)]

    found = row(*rounds)

    assert found.ratio == 0.4
    assert found.median(lambda each: each.cpu_microseconds) == 250


def test_a_budget_of_throughput_is_not_kept_by_an_idle_service() -> None:
    idle = Reading(measured(50, per_second=10), (measured(50),))

    assert row(idle, budget=0.8).is_kept
    assert not row(idle, budget=0.8, is_by_throughput=True).is_kept


def test_a_budget_is_kept_exactly_at_its_limit() -> None:
    reading = Reading(measured(2000), (measured(10_000),))

    assert row(reading, budget=0.2).is_kept
    assert not row(reading, budget=0.2001).is_kept


def test_what_is_wrong_is_said_behind_the_row() -> None:
    fast = Reading(measured(5000), (measured(10_000),))
    blunted = Reading(measured(1000, load=0.97), (measured(10_000),))

    assert "BELOW BUDGET" not in terminal_line(row(fast, budget=0.4))
    assert terminal_line(row(blunted, budget=0.4)).endswith("BELOW BUDGET, driver saturated")


def test_markdown_has_as_many_cells_in_every_line() -> None:
    reading = Reading(measured(5000), (measured(10_000),), measured(2500))

    lines = markdown([row(reading), row(reading, budget=0.9)]).splitlines()

    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "| 5000 | 5000 | 1.00 | 2.00 | 3.00 | 200 | 100 | 400 | 100 | 0.50 | 0.90 | BELOW BUDGET |" in lines[-1]


def test_the_record_holds_every_round() -> None:
    rounds = [Reading(measured(each), (measured(10_000),)) for each in (1000, 3000)]

    record = row(*rounds, budget=0.5).record()

    assert (record["rounds"], record["ratios"], record["ratio"]) == (2, [0.1, 0.3], 0.2)
    assert (record["budget"], record["is_kept"]) == (0.5, False)


def test_what_was_not_measured_alone_leaves_its_cells_empty() -> None:
    found = row(Reading(measured(5000), (measured(10_000),)))

    assert found.record()["cpu_microseconds_alone"] is None
    assert "| 200 | 100 |  |  | 0.50 |" in markdown([found]).splitlines()[-1]
