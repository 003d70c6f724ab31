"""How thorough a run is: ``make test`` takes a sample where ``make test-nightly`` takes everything."""

import os

NIGHTLY = "NIGHTLY" in os.environ


def rounds(number: int, *, nightly: int) -> int:
    """How often something that depends on chance is tried."""
    return nightly if NIGHTLY else number
