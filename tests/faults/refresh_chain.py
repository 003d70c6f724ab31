"""A refresh token has one live successor, an honest retry gets it again, and what is older is dead. RFC 9700 §4.14."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from faults.lifetimes import GRACE, MARGIN
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call

INVARIANT = "one live successor"


def check_refresh_chains(calls: Sequence[Call]) -> Iterator[Violation]:
    """Siblings, and old tokens that are taken for good, in the order of the calls that presented the old token."""
    successes: dict[str, list[Call]] = defaultdict(list)
    for call in sorted(calls, key=lambda each: each.began):
        if call.kind == "refresh" and call.is_done:
            successes[call.given["refresh"]].append(call)
    for name, rotations in successes.items():
        if len({call.answer.got["refresh"] for call in rotations}) > 1:
            yield Violation(INVARIANT, f"{name} has several successors", tuple(rotations))
        rotated = min(rotations, key=lambda call: call.ended)
        uses = successes.get(rotated.answer.got["refresh"], ())
        for call in rotations:
            if call.began - rotated.ended > GRACE + MARGIN:
                yield Violation(INVARIANT, f"{name} was good after its grace", (rotated, call))
            older = [use for use in uses if use.ended < call.began]
            if older:
                yield Violation(INVARIANT, f"{name} was good after its successor", (older[0], call))
