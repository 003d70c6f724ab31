"""The rows as people read them: on a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.row import Row

_NAMES = (
    *("req/s", "/s/core", "p50 ms", "p95 ms", "p99 ms", "µs CPU", "stores", "µs CPU 1", "stores 1"),
    *("ratio", "budget"),
)
_BELOW, _SATURATED = "BELOW BUDGET", "driver saturated"


def terminal_head() -> str:
    """The names of the columns."""
    return f"{'':27} {'driver':9} " + " ".join(f"{name:>8}" for name in _NAMES)


def terminal_line(row: Row) -> str:
    """One row, and whatever is wrong with it."""
    cells = " ".join(f"{cell:>8}" for cell in _cells(row))
    return f"{row.name:27} {row.driver:9} {cells}  {', '.join(_remarks(row))}".rstrip()


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    head = f"| request | driver | {' | '.join(_NAMES)} | |"
    rule = f"|---|---|{'---:|' * len(_NAMES)}---|"
    lines = [f"| {row.name} | {row.driver} | {' | '.join(_cells(row))} | {', '.join(_remarks(row))} |" for row in rows]
    return "\n".join((head, rule, *lines)) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.median(lambda found: found.per_second):.0f}",
        f"{row.median(lambda found: found.per_core):.0f}",
        *(f"{row.median(latency):.2f}" for latency in (lambda m: m.p50, lambda m: m.p95, lambda m: m.p99)),
        f"{row.median(lambda found: found.cpu_microseconds):.0f}",
        f"{row.median(lambda found: found.store_microseconds):.0f}",
        _or_nothing(row.median_alone(lambda found: found.cpu_microseconds)),
        _or_nothing(row.median_alone(lambda found: found.store_microseconds)),
        f"{row.ratio:.2f}",
        "" if row.budget is None else f"{row.budget:.2f}",
    )


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _remarks(row: Row) -> list[str]:
    return [_BELOW] * (not row.is_kept) + [_SATURATED] * row.is_driver_saturated
