"""When a mail is tried again, and when no more. RFC 5321 §4.5.4.1."""

from __future__ import annotations

from datetime import timedelta
from random import uniform

FIRST = timedelta(seconds=10)
# Sooner than the 30 minutes of RFC 5321 §4.5.4.1, which are for relays: here a user waits for a link.
LONGEST = timedelta(minutes=15)
_SPREAD = 0.2
# No mail waits so often that the power would be too large.
_MOST_DOUBLINGS = 16


def next_pause(attempts: int, remaining: timedelta) -> timedelta | None:
    """How long to wait after so many attempts; None where the mail would have expired by then.

    It doubles from ``FIRST`` to ``LONGEST``, and is spread, so that what failed together is not tried together.
    """
    pause = min(FIRST * 2 ** min(attempts - 1, _MOST_DOUBLINGS), LONGEST)
    spread = pause * uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - not a secret
    return spread if spread < remaining else None


def server_pause(failures: int) -> timedelta:
    """How long not to try the server itself after so many failures in a row."""
    return timedelta(seconds=min(5 * 2 ** min(failures - 1, 4), 60))
