"""What a fault excuses. Everything else is a violation, whatever has happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Nothing, unless said otherwise. A clock that is wrong, within the tolerance, excuses nothing.

    A service that is killed or stopped gives no answer. A Redis that has forgotten codes and logins in progress cannot
    know them: they are refused, and who replays a forgotten code reveals nothing. One that did not say whether it took
    a code may have taken it.
    """

    services_may_vanish: bool = False
    redis_may_forget: bool = False
    redis_may_lose_answers: bool = False
