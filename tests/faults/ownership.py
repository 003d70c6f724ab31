"""No caller receives the answer to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.call import Call

INVARIANT = "own answer"
MARKS = ("sub", "client_id", "state", "nonce", "iss", "jti")


def check_ownership(calls: Sequence[Call]) -> Iterator[Violation]:
    """Whatever an answer says of its owner is what the one who asked had expected."""
    for call in calls:
        for mark in MARKS:
            expected, found = call.given.get(mark), call.answer.got.get(mark)
            if expected is not None and found is not None and expected != found:
                yield Violation(INVARIANT, f"{mark} is {found} instead of {expected}", (call,))
