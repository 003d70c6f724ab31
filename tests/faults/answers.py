"""Every answer is right, or a registered refusal that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.call import Outcome
from faults.lifetimes import CODE_LIFETIME, MARGIN
from faults.tolerance import Tolerance
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call

INVARIANT = "answers"
_SERVER_ERROR = 500
_NOTHING = Tolerance()


def check_answers(calls: Sequence[Call], tolerance: Tolerance = _NOTHING) -> Iterator[Violation]:
    """No bug is shown, no 503 without a word on when to come again, no silence, and nobody is called a stranger."""
    for call in calls:
        answer = call.answer
        if answer.outcome is Outcome.UNKNOWN and not answer.status:
            if not (call.hung_up or tolerance.services_may_vanish):
                yield Violation(INVARIANT, f"there was no answer: {call.note}", (call,))
        elif answer.outcome is Outcome.UNAVAILABLE and not answer.retry_after.isdecimal():
            yield Violation(INVARIANT, "a 503 does not say when to come again", (call,))
        elif answer.status >= _SERVER_ERROR and answer.outcome is not Outcome.UNAVAILABLE:
            yield Violation(INVARIANT, "the answer is an error of ours", (call,))
        elif answer.outcome is Outcome.UNKNOWN:
            yield Violation(INVARIANT, f"the answer is none that was to be expected: {call.note}", (call,))
        elif answer.error == "invalid_client":
            yield Violation(INVARIANT, "a client with the right credentials is not known", (call,))
        elif call.kind == "authorize" and call.is_refused and not tolerance.redis_may_forget:
            yield Violation(INVARIANT, "a login that nothing stands against is refused", (call,))
    if not tolerance.redis_may_forget:
        yield from _refused_codes(calls, tolerance)


def _refused_codes(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Violation]:
    issued = {call.answer.got["code"]: call for call in calls if call.kind == "authorize" and call.is_done}
    presentations = [call for call in calls if call.kind == "redeem"]
    for call in presentations:
        code = call.given["code"]
        others = sum(other.given["code"] == code and other.began < call.ended for other in presentations) - 1
        lives = call.ended - issued[code].began < CODE_LIFETIME - MARGIN - tolerance.clock_error
        if call.is_refused and not others and lives:
            yield Violation(INVARIANT, "a code that nobody had presented is refused", (call,))
