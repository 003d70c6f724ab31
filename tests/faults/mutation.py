"""A service that is broken on purpose, so that the checker can show that it notices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """``patches`` replace what they name for the rest of the process's life."""

    service: str
    patches: Callable[[], tuple[AbstractContextManager[object], ...]]

    def apply(self) -> None:
        """Break this process."""
        for patch in self.patches():
            patch.__enter__()
