"""``match``: of a list, only the texts that match one of these patterns, in which ``*`` stands for anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

MAX_PATTERNS = 32
MAX_PATTERN_LENGTH = 128
# Each one more would cost as much again as the text is long.
_MAX_STARS = 2


@dataclass(frozen=True, slots=True)
class Match:
    """Most patterns are ``team-*``, which needs no regular expression; there is one for all of the others."""

    beginnings: tuple[str, ...]
    expression: re.Pattern[str] | None

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        patterns = [value] if isinstance(value, str) else value
        if not isinstance(patterns, list) or not 0 < len(patterns) <= MAX_PATTERNS or not all(map(_is_good, patterns)):
            raise ValueError(
                f"match: write 1 to {MAX_PATTERNS} patterns of at most {MAX_PATTERN_LENGTH} printable characters with "
                f"at most {_MAX_STARS} asterisks each, such as team-*"
            )
        beginnings = [pattern for pattern in patterns if pattern.find("*") == len(pattern) - 1]
        others = [".*".join(map(re.escape, each.split("*"))) for each in patterns if each not in beginnings]
        return cls(
            tuple(pattern[:-1] for pattern in beginnings),
            re.compile("|".join(others), re.DOTALL) if others else None,
        )

    def apply(self, values: list[str]) -> list[str]:
        """See ``Filter``."""
        beginnings, expression = self.beginnings, self.expression
        if expression is None:
            return [value for value in values if value.startswith(beginnings)]
        return [value for value in values if value.startswith(beginnings) or expression.fullmatch(value)]


def _is_good(pattern: object) -> bool:
    return (
        isinstance(pattern, str)
        and 0 < len(pattern) <= MAX_PATTERN_LENGTH
        and pattern.isprintable()
        and pattern.count("*") <= _MAX_STARS
    )
