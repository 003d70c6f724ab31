"""A statement with a name, and what can run one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from asyncpg import Record


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the name it bears in metrics and spans."""

    name: str
    sql: str


class Executor(Protocol):
    """A database, or a transaction in one. Every method raises ``TemporarilyUnavailable`` while PostgreSQL is away.

    ``attributes`` say in spans where it is.
    """

    @property
    def attributes(self) -> Mapping[str, str | int]:
        """See above."""

    async def fetch(self, statement: Statement, *arguments: object) -> list[Record]:
        """All rows."""

    async def fetch_row(self, statement: Statement, *arguments: object) -> Record | None:
        """The first row, if any."""

    async def execute(self, statement: Statement, *arguments: object) -> None:
        """Run it for its effect."""
