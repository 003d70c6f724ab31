"""Reads members of a JSON object by name and kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MOST_LEVELS = 32
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable(ValueError):
    """What an entry says cannot be read. The sentence says why, for an operator, and quotes no value."""


class Fields:
    """The members of one object. Each is taken once; ``rest`` are those that were not. An absent one may be null."""

    def __init__(self, members: object) -> None:
        if not isinstance(members, dict):
            raise Unreadable("this is no JSON object")
        require_storable(members)
        self._members: dict[str, object] = dict(members)

    def text(self, name: str) -> str | None:
        """A text, None where there is none or it is empty."""
        value = self._members.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"{name}: write a text")
        return value or None

    def flag(self, name: str, *, default: bool) -> bool:
        """A flag."""
        value = self._members.pop(name, None)
        if value is not None and not isinstance(value, bool):
            raise Unreadable(f"{name}: write true or false")
        return default if value is None else value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._members.pop(name, None) or []
        if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
            raise Unreadable(f"{name}: write a list of texts")
        return tuple(dict.fromkeys(value))

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object."""
        value = self._members.pop(name, None) or {}
        if not isinstance(value, dict):
            raise Unreadable(f"{name}: write an object")
        return value

    def items(self, name: str) -> list[object]:
        """A list of anything."""
        value = self._members.pop(name, None) or []
        if not isinstance(value, list):
            raise Unreadable(f"{name}: write a list")
        return value

    def number(self, name: str) -> int | None:
        """A whole number."""
        value = self._members.pop(name, None)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise Unreadable(f"{name}: write a whole number")
        return value

    def skip(self, *names: str) -> None:
        """Members that say nothing of use."""
        for name in names:
            self._members.pop(name, None)

    @property
    def rest(self) -> tuple[str, ...]:
        """The names of members that say something and were not taken."""
        return tuple(name for name, value in self._members.items() if value not in (None, "", [], {}, False, 0))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of all members that were not taken."""
        return tuple(self._members)


def require_storable(value: object, levels: int = _MOST_LEVELS) -> None:
    """Raise ``Unreadable`` for what PostgreSQL keeps in no text, and for what is nested too deeply."""
    match value:
        case str():
            if "\0" in value or (not value.isascii() and _SURROGATE.search(value)):
                raise Unreadable("a text has a character that cannot be kept (U+0000, or half of a surrogate pair)")
        case dict() | list():
            if not levels:
                raise Unreadable(f"something is nested more than {_MOST_LEVELS} levels deep")
            for member in value:
                require_storable(member, levels - 1)
                if isinstance(value, dict):
                    require_storable(value[member], levels - 1)
