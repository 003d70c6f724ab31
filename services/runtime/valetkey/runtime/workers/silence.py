"""Who has not answered for so long that nothing is to be expected of him any more."""

from __future__ import annotations

from typing import Generic, TypeVar

LOOK_SECONDS = 5.0
LOOKS = 6

W = TypeVar("W")


class Silence(Generic[W]):
    """Looks are counted, not seconds: a machine that slept has looked at nobody."""

    def __init__(self) -> None:
        self._looks: dict[W, int] = {}

    def note(self, silent: list[W]) -> list[W]:
        """Those who are silent at this look; whoever is so for the sixth time in a row is told of."""
        self._looks = {each: self._looks.get(each, 0) + 1 for each in silent}
        return [each for each, looks in self._looks.items() if looks >= LOOKS]
