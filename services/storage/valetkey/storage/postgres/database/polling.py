"""Statements that are run again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from valetkey.runtime.lifecycle.poller import Poller


def database_poller(work: Callable[[], Awaitable[None]], interval: timedelta, name: str) -> Poller:
    """A poller that goes on after an error of a statement: a privilege or a column may be there the next time."""
    return Poller(work, interval, name, tolerates=(asyncpg.PostgresError,))
