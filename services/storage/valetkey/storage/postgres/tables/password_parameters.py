"""Which parameters the stored password hashes have: what a wrong password must cost at any account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import asyncpg

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.password_hash import are_parameters
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

INTERVAL = timedelta(minutes=5)
# How many rows are read at most, about: a larger table is sampled.
ROWS = 250_000
_MOST = 8
_RETRY_SECONDS = 1.0

_COUNT = Statement("users.estimate", "SELECT reltuples FROM pg_class WHERE oid = 'users'::regclass")
# Split, for a regular expression takes PostgreSQL twenty times as long. See ``PasswordScheme`` for what is split.
_FIND = Statement(
    "users.password_parameters",
    """
    SELECT split_part(password_hash, '$', 2) AS scheme, split_part(password_hash, '$', 3) AS version,
        CASE WHEN split_part(password_hash, '$', 3) LIKE 'v=%' THEN split_part(password_hash, '$', 4) || '$'
            ELSE '' END AS costs
    FROM users TABLESAMPLE SYSTEM ($1) WHERE password_hash LIKE '$%'
    GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 1, 2, 3 LIMIT $2
    """,
)


class PasswordParameters:
    """Tells ``expect`` of them, the most frequent first, once at the start and every few minutes.

    Where only a sample was read, what was found before is told again. While PostgreSQL is away nothing is told, and
    no login succeeds either; it is looked for soon, and ever less often, until the first answer.
    """

    def __init__(
        self,
        database: Database,
        expect: Callable[[Sequence[str]], None],
        *,
        interval: timedelta = INTERVAL,
        rows: int = ROWS,
    ) -> None:
        self._database = database
        self._expect = expect
        self._rows = rows
        self._interval = interval.total_seconds()
        self._poller = database_poller(self._refresh, interval, "password-parameters")
        self._found: tuple[str, ...] = ()
        self._retry: float | None = _RETRY_SECONDS

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    async def _refresh(self) -> None:
        try:
            self._found = await self._read()
        except (TemporarilyUnavailable, asyncpg.PostgresError):
            if self._retry is not None and self._retry < self._interval:
                asyncio.get_running_loop().call_later(self._retry, self._poller.wake)
                self._retry *= 2
            raise
        self._retry = None
        self._expect(self._found)

    async def _read(self) -> tuple[str, ...]:
        row = await self._database.fetch_row(_COUNT)
        share = min(1.0, self._rows / max(row["reltuples"] if row else 0, 1.0))
        rows = await self._database.fetch(_FIND, 100.0 * share, _MOST)
        found = (f"${row['scheme']}${row['version']}${row['costs']}" for row in rows)
        known = (parameters for parameters in found if are_parameters(parameters))
        return tuple(dict.fromkeys((*known, *(self._found if share < 1 else ()))))
