"""What has ended as a whole takes with it whatever was made of it, whatever the clocks say.

Judges the calls of ``ending_actor``. A thing is made from a client, a user, a consent, a session or a machine, and what
is made of the thing bears its name.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from faults.tolerance import Tolerance
from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call

INVARIANT = "ended as a whole"
LOST = "nothing acknowledged is lost"
KINDS = ("make", "end", "use")
SESSION = "session of "
_OF_A_SESSION = "user session"
# Of these a replica may know something that is out of date, and then makes what is dead on arrival.
_CACHED = {"client", "machine"}
# What a person was asked for where one of these was not there.
_GIVEN_AGAIN = {"consent": "consent", "session": "login"}
_NOTHING = Tolerance()


@dataclass(frozen=True, slots=True)
class _Thing:
    maker: Call
    of: frozenset[str]


def check_endings(calls: Sequence[Call], tolerance: Tolerance = _NOTHING) -> Iterator[Violation]:
    """Nothing that was made before an acknowledged ending is good in a call that begins after it.

    And what is refused has ended, or may have.
    """
    by_actor: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind in KINDS:
            by_actor[call.actor].append(call)
    for of_one in by_actor.values():
        yield from _check(of_one, tolerance)


def _check(calls: Sequence[Call], tolerance: Tolerance) -> Iterator[Violation]:
    things = _things(calls)
    endings = [call for call in calls if call.kind == "end" and call.given["target"]]
    for use in calls:
        if use.kind != "use" or use.given["thing"] not in things:
            continue
        thing = things[use.given["thing"]]
        of_it = [ending for ending in endings if ending.given["target"] in thing.of]
        if use.is_done:
            for ending in of_it:
                if ending.is_done and _came_before(thing, ending, calls) and ending.ended < use.began:
                    yield Violation(INVARIANT, f"{use.given['thing']} is good", (thing.maker, ending, use))
                    break
        elif use.is_refused and not _may_be_dead(use, thing, of_it, calls, tolerance):
            yield Violation(LOST, f"{use.given['thing']} is refused, and nothing has ended", (thing.maker, use))


def _came_before(thing: _Thing, ending: Call, calls: Sequence[Call]) -> bool:
    """Whether a thing must have been made before the ending, of which only the beginning and the answer are known.

    A consent and a login can be given again before the operator hears that the old ones have ended. Once the user has
    agreed again in one browser, the other browser is not asked.
    """
    target = ending.given["target"]
    if _asked_for(thing.maker, _GIVEN_AGAIN.get(target)):
        return thing.maker.ended <= ending.began
    if target == "consent":
        given = (call for call in calls if call.kind == "make" and _asked_for(call, "consent"))
        if thing.maker.ended > min((call.began for call in given if call.ended > ending.began), default=inf):
            return thing.maker.ended <= ending.began
    return thing.maker.ended <= ending.ended


def _asked_for(maker: Call, what: str | None) -> bool:
    return what in maker.answer.got.get("asked", "").split()


def _things(calls: Sequence[Call]) -> dict[str, _Thing]:
    things = {}
    for call in calls:
        if call.kind == "make" and "made" in call.answer.got:
            name = call.answer.got["made"]
            things[name] = _Thing(call, frozenset(call.given["of"].split()))
            if "login" in call.answer.got.get("asked", ""):
                things[f"{SESSION}{name}"] = _Thing(call, frozenset(_OF_A_SESSION.split()))
    return things


def _may_be_dead(use: Call, thing: _Thing, of_it: Sequence[Call], calls: Sequence[Call], tolerance: Tolerance) -> bool:
    is_code = use.given["kind"] == "code"
    if is_code and (tolerance.redis_may_forget or tolerance.redis_may_lose_answers):
        return True
    for ending in of_it:
        is_stale = ending.given["target"] in _CACHED and ending.began < use.began
        if is_stale or (ending.ended > thing.maker.began and ending.began < use.ended):
            return True
    # An answer that was lost may have been a rotation, after which the older token is reused once the grace has passed.
    earlier = [each for each in calls if each.kind == "use" and each.given == use.given and each.began < use.began]
    return any(not each.is_done for each in earlier)
