"""What may be used once is used once. RFC 6749 §4.1.2.

A new kind of thing is one more line in ``SINGLE_USE``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from faults import factor_actor
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from faults.call import Call

INVARIANT = "single use"
# The kind of call that uses it up, and what the call names it.
SINGLE_USE = {"redeem": "code", **dict.fromkeys(factor_actor.KINDS, factor_actor.GIVEN)}


def check_single_use(calls: Sequence[Call], kinds: Mapping[str, str] = SINGLE_USE) -> Iterator[Violation]:
    """Each such thing has at most one success. Without an answer no caller has anything, so that counts for nothing."""
    for kind, argument in kinds.items():
        successes: dict[str, list[Call]] = defaultdict(list)
        for call in calls:
            if call.kind == kind and call.is_done:
                successes[call.given[argument]].append(call)
        for name, used in successes.items():
            if len(used) > 1:
                yield Violation(INVARIANT, f"{name} was good {len(used)} times", tuple(used))
