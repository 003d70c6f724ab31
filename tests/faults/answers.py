"""Every answer is right, or a registered refusal that fits."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from faults import endings, factor_actor
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
# The page of a login says it with its status alone.
_UNAVAILABLE = {"temporarily_unavailable", "503"}
_FITTING = {
    "redeem": "invalid_grant",
    "refresh": "invalid_grant",
    "userinfo": "invalid_token",
    **dict.fromkeys(factor_actor.KINDS, factor_actor.REFUSED),
}


def check_answers(calls: Sequence[Call], tolerance: Tolerance = _NOTHING) -> Iterator[Violation]:
    """No bug is shown, no 503 without a word on when to come again, no silence, and no refusal that does not fit."""
    for call in calls:
        if sentence := _what_is_wrong(call, tolerance):
            yield Violation(INVARIANT, sentence, (call,))
    if not tolerance.redis_may_forget:
        yield from _refused_codes(calls, tolerance)
        yield from _refused_to_all(calls)


def _what_is_wrong(call: Call, tolerance: Tolerance) -> str:
    answer = call.answer
    match answer.outcome:
        case Outcome.UNKNOWN if not answer.status:
            is_excused = call.hung_up or tolerance.services_may_vanish
            return "" if is_excused else f"there was no answer: {call.note}"
        case Outcome.UNKNOWN:
            is_ours = answer.status >= _SERVER_ERROR
            return (
                "the answer is an error of ours"
                if is_ours
                else f"the answer is none that was to be expected: {call.note}"
            )
        case Outcome.UNAVAILABLE:
            is_said = answer.error in _UNAVAILABLE and answer.retry_after.isdecimal()
            return "" if is_said else "a 503 does not say what it is, or when to come again"
        case Outcome.REFUSED if call.kind in endings.KINDS:
            # Whether it may be, the rule of its own says.
            return ""
        case Outcome.REFUSED if call.kind == "authorize":
            return "" if tolerance.redis_may_forget else "a login that nothing stands against is refused"
        case Outcome.REFUSED if call.kind in factor_actor.KINDS and tolerance.redis_may_forget:
            # The login in which it was to be proven is forgotten.
            return ""
        case Outcome.REFUSED if answer.error != _FITTING.get(call.kind):
            return "the refusal does not fit: the client is known, and asked rightly"
    return ""


def _refused_codes(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Violation]:
    issued = {call.answer.got["code"]: call for call in calls if call.kind == "authorize" and call.is_done}
    presented: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind == "redeem":
            presented[call.given["code"]].append(call)
    for code, presentations in presented.items():
        for call in filter(lambda each: each.is_refused, presentations):
            lives = call.ended - issued[code].began < CODE_LIFETIME - MARGIN
            earlier = [other for other in presentations if other is not call and other.began < call.ended]
            if lives and _gave_nothing([*earlier, call], tolerance):
                yield Violation(INVARIANT, "a code for which no token was issued is refused", (*earlier, call))


def _gave_nothing(presentations: Sequence[Call], tolerance: Tolerance) -> bool:
    """Whether all but the last were told to come again, and did so one after the other: two at once are a replay."""
    *earlier, last = sorted(presentations, key=lambda call: call.began)
    if earlier and tolerance.redis_may_lose_answers:
        return False
    return all(
        before.answer.outcome is Outcome.UNAVAILABLE and before.ended <= after.began
        for before, after in pairwise([*earlier, last])
    )


def _refused_to_all(calls: Sequence[Call]) -> Iterator[Violation]:
    """What counts once counts for one of those who use it, unless one was not told. A time step may be over."""
    used: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind in (factor_actor.RECOVERY_CODE, factor_actor.RESET_LINK):
            used[call.given[factor_actor.GIVEN]].append(call)
    for uses in used.values():
        if all(call.is_refused for call in uses):
            yield Violation(INVARIANT, "what counts once was refused to all who used it", tuple(uses))
