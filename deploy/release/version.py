"""Versions of releases: three numbers. https://semver.org, without pre-releases, which Python writes in another way."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from deploy.release.refusal import Refusal

_FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Version(NamedTuple):
    """Compared number by number."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that is written so. Raises ``Refusal`` for anything but three numbers."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise Refusal(f"{text!r} is no version such as 0.3.0")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"
