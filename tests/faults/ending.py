"""What ends an authorization or an access token, as far as a history can tell.

Something has ended for certain once an answer has said so. It may have ended from the moment on when a call asked for
it: without an answer that is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from faults.call import Outcome
from faults.lifetimes import GRACE, MARGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call
    from faults.tolerance import Tolerance

INVALID_GRANT = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Ending:
    """``ended`` names a grant or an access token. ``certain_from`` is infinite where it is unknown."""

    ended: str
    why: str
    possible_from: float
    certain_from: float
    cause: Call


def find_endings(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Ending]:
    """Every revocation, replay and reuse."""
    yield from _revocations(calls)
    yield from _replays(calls, tolerance)
    yield from _reuses(calls)


def _revocations(calls: Sequence[Call]) -> Iterator[Ending]:
    for call in calls:
        if call.kind == "revoke":
            ended = call.given["access"] if "access" in call.given else call.given["grant"]
            yield Ending(ended, "revoked", call.began, call.ended if call.is_done else inf, call)


def _replays(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Ending]:
    """A valid second presentation of a code revokes what the first was given. OAuth 2.1 §4.1.3."""
    for presentations in _presentations(calls, "redeem", "code").values():
        first, *others = presentations
        if not others:
            continue
        yield Ending(first.given["grant"], "perhaps replayed", others[0].began, inf, others[0])
        if tolerance.redis_may_forget or not any(call.is_done for call in presentations):
            continue
        for call in presentations:
            if call.answer.error == INVALID_GRANT:
                yield Ending(call.given["grant"], "replayed", call.began, call.ended, call)


def _reuses(calls: Sequence[Call]) -> Iterator[Ending]:
    """A refresh token that was rotated long ago, or whose successor was used, is reused. RFC 9700 §4.14."""
    refreshes = _presentations(calls, "refresh", "refresh")
    for presentations in refreshes.values():
        successors = {call.answer.got["refresh"] for call in presentations if call.is_done}
        used = [use for successor in successors for use in refreshes.get(successor, ())]
        for call in presentations:
            first = presentations[0]
            # What its client has given up may still be on its way to a service.
            arrived = inf if call.answer.outcome is Outcome.UNKNOWN else call.ended
            late = call is not first and arrived - first.began > GRACE - MARGIN
            if late or any(use.began < arrived for use in used):
                is_known = call.answer.error == INVALID_GRANT and any(
                    use.is_done and use.ended < call.began for use in used
                )
                yield Ending(call.given["grant"], "reused", call.began, call.ended if is_known else inf, call)


def _presentations(calls: Sequence[Call], kind: str, argument: str) -> dict[str, list[Call]]:
    """The calls of this kind, by what they present, the first one first."""
    presented: dict[str, list[Call]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.began):
        if call.kind == kind:
            presented[call.given[argument]].append(call)
    return presented
