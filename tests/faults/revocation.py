"""What has ended stays ended, at every replica, from the answer on. RFC 7009 §2, RFC 9700 §4.14."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from faults.ending import find_endings
from faults.tolerance import Tolerance
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call
    from faults.ending import Ending

INVARIANT = "ended stays ended"
_NOTHING = Tolerance()


def check_revocation(calls: Sequence[Call], tolerance: Tolerance = _NOTHING) -> Iterator[Violation]:
    """Nothing that begins after the answer finds a token active, is told who its user is, or refreshes."""
    endings: dict[str, list[Ending]] = defaultdict(list)
    for ending in find_endings(calls, tolerance):
        endings[ending.ended].append(ending)
    for call in calls:
        if finds_it_alive(call):
            for ending in endings[call.given["grant"]] + endings[call.given.get("access", "")]:
                if ending.certain_from < call.began:
                    yield Violation(INVARIANT, f"{ending.ended} was {ending.why} before", (ending.cause, call))
                    break


def finds_it_alive(call: Call) -> bool:
    """Whether the answer takes the token for good."""
    if call.kind == "introspect":
        return call.is_done and call.answer.got["active"] == "yes"
    return call.kind in {"userinfo", "refresh"} and call.is_done
