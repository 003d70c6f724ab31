"""What a run is about: ``make test`` takes a sample where ``make test-nightly`` takes everything.

``make test-compact`` has every service in one process wherever a system is started.
"""

import os
from collections.abc import Iterable
from itertools import cycle, islice, product
from typing import Any

NIGHTLY = "NIGHTLY" in os.environ
COMPACT = "COMPACT" in os.environ


def rounds(number: int, *, nightly: int) -> int:
    """How often something that depends on chance is tried."""
    return nightly if NIGHTLY else number


def combinations(*dimensions: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Every combination at night; else each value of each dimension once or more, beside another one each time."""
    values = [list(dimension) for dimension in dimensions]
    if NIGHTLY:
        return list(product(*values))
    return list(islice(zip(*map(cycle, values), strict=True), max(map(len, values))))
