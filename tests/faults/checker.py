"""Judges a history. Pure: the same calls, the same violations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.answers import check_answers
from faults.durability import check_durability
from faults.endings import check_endings
from faults.ownership import check_ownership
from faults.refresh_chain import check_refresh_chains
from faults.revocation import check_revocation
from faults.single_use import check_single_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.call import Call
    from faults.tolerance import Tolerance
    from faults.violation import Violation


def check(calls: Sequence[Call], tolerance: Tolerance) -> list[Violation]:
    """Every promise that was broken."""
    return [
        *check_single_use(calls),
        *check_refresh_chains(calls),
        *check_revocation(calls, tolerance),
        *check_ownership(calls),
        *check_answers(calls, tolerance),
        *check_durability(calls, tolerance),
        *check_endings(calls, tolerance),
    ]
