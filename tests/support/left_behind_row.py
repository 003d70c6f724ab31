"""A row of the table of what can be left behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``what`` names a key pattern, a table, or a module and the name in it; ``test`` is a path and a test in it."""

    what: str
    who: str
    count: str
    size: str
    test: str

    @property
    def line(self) -> str:
        """As the page shows it."""
        path, _, name = self.test.partition("::")
        return f"| `{self.what}` | {self.who} | {self.count} | {self.size} | [{name}](../{path}) |"
