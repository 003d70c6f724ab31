"""What was acknowledged is there: clients, consents, logins, and authorizations that were not ended."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from faults.ending import INVALID_GRANT, find_endings
from faults.tolerance import Tolerance
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call

INVARIANT = "nothing acknowledged is lost"
_NOTHING = Tolerance()


def check_durability(calls: Sequence[Call], tolerance: Tolerance = _NOTHING) -> Iterator[Violation]:
    """A consent or a login is not asked for again, and nothing is dead that no call may have ended.

    That a client is still known, ``check_answers`` sees.
    """
    yield from _asked_again(calls)
    yield from _dead(calls, tolerance)


def _asked_again(calls: Sequence[Call]) -> Iterator[Violation]:
    logins = [call for call in calls if call.kind == "authorize" and call.is_done]
    for call in logins:
        before = [other for other in logins if other.actor == call.actor and other.ended < call.began]
        if "consent" in call.answer.got["asked"].split() and before:
            yield Violation(INVARIANT, "a consent is asked for again", (before[0], call))
        if "login" in call.answer.got["asked"].split() and not call.given.get("prompt"):
            last = _last_in_this_browser(calls, call)
            # A login whose answer was lost may have replaced the session that the browser still believes in.
            if last is not None and last.is_done:
                yield Violation(INVARIANT, "a session is lost", (last, call))


def _last_in_this_browser(calls: Sequence[Call], call: Call) -> Call | None:
    before = (
        other
        for other in calls
        if other.kind == "authorize" and other.given["browser"] == call.given["browser"] and other.began < call.began
    )
    return max(before, key=lambda other: other.began, default=None)


def _dead(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Violation]:
    possible: dict[str, float] = defaultdict(lambda: float("inf"))
    for ending in find_endings(calls, tolerance):
        possible[ending.ended] = min(possible[ending.ended], ending.possible_from)
    for call in calls:
        if finds_it_dead(call):
            earliest = min(possible[call.given["grant"]], possible[call.given.get("access", "")])
            if call.ended < earliest:
                yield Violation(INVARIANT, "it is dead, and no call has ended it", (call,))


def finds_it_dead(call: Call) -> bool:
    """Whether the answer takes the token for a bad one."""
    if call.kind == "introspect":
        return call.is_done and call.answer.got["active"] == "no"
    if call.kind == "userinfo":
        return call.is_refused
    return call.kind == "refresh" and call.answer.error == INVALID_GRANT
