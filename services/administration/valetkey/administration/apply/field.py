"""Reads the members of a mapping, and collects everything that is wrong with them on the way."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from valetkey.core.client.metadata import MAX_SECONDS
from valetkey.core.client.metadata_field import Field, Kind

Value = TypeVar("Value")
_MOST_TOLD = 10
_LONGEST_NAME = 60


class Fields:
    """The members of one mapping in a file; ``where`` is how problems name it."""

    def __init__(self, value: object, where: str, known: Collection[str], problems: list[str]) -> None:
        self._where = where
        self._problems = problems
        self._sound_until = len(problems)
        self._members: Mapping[object, object] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            self.problem("must be a mapping with a name before each value")
        unknown = [str(name) for name in self._members if name not in known]
        for name in unknown[:_MOST_TOLD]:
            close = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_NAME else []
            self.problem(f"{name[:_LONGEST_NAME]} is not a field" + (f"; did you mean {close[0]}?" if close else ""))
        if len(unknown) > _MOST_TOLD:
            self.problem(f"{len(unknown) - _MOST_TOLD} more names are no fields")

    @property
    def are_sound(self) -> bool:
        """Whether nothing has been found wrong so far."""
        return len(self._problems) == self._sound_until

    def problem(self, text: str) -> None:
        """Note what is wrong."""
        self._problems.append(f"{self._where}: {text}")

    def required_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None and name not in self._members:
            self.problem(f"{name} is missing")
        return value or ""

    def text(self, name: str) -> str | None:
        """A string."""
        return self._read(name, str, "text; put it in quotes")

    def flag(self, name: str) -> bool | None:
        """True or false."""
        return self._read(name, bool, "true or false")

    def number(self, name: str) -> int | None:
        """A whole number of seconds."""
        value = self._read(name, int, "a whole number")
        if value is not None and (isinstance(value, bool) or not 0 <= value <= MAX_SECONDS):
            self.problem(f"{name} must be a whole number from 0 to {MAX_SECONDS}")
            return None
        return value

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(name)
        if value is not None and value not in choices:
            self.problem(f"{name} must be one of {', '.join(choices)}")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings, each once."""
        values = self._read(name, list, "a list")
        if values is None:
            return None
        if not all(isinstance(value, str) for value in values):
            self.problem(f"{name} must be a list of texts; put them in quotes")
            return None
        if len(set(values)) != len(values):
            self.problem(f"{name} has something twice")
        return tuple(values)

    def mapping(self, name: str) -> Mapping[str, object] | None:
        """A mapping from names to whatever they stand for."""
        return self._read(name, dict, "a mapping with a name before each value")

    def texts_by_name(self, name: str) -> dict[str, str]:
        """A mapping from names to texts; empty where there is none."""
        members = self.mapping(name) or {}
        texts = {key: value for key, value in members.items() if isinstance(key, str) and isinstance(value, str)}
        if len(texts) != len(members):
            self.problem(f"{name} must have a text for each name; put both in quotes")
        return texts

    def mappings(self, name: str) -> list[object]:
        """A list, whose members have fields of their own."""
        return self._read(name, list, "a list") or []

    def words(self, name: str) -> tuple[str, ...] | None:
        """A list of strings, or one string of words between spaces as RFC 7591 has ``scope``."""
        value = self._members.get(name)
        return tuple(dict.fromkeys(value.split())) if isinstance(value, str) else self.texts(name)

    def parsed(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """A string that ``parse`` understands or raises a ``ValueError`` about."""
        text = self.text(name)
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            self.problem(f"{name} {error}")
            return None

    def _read(self, name: str, kind: type[Value], words: str) -> Value | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            self.problem(f"{name} must be {words}")
            return None
        return value


def read_field(fields: Fields, field: Field) -> object:
    """The value of a field of a registration, None where it is not given or cannot be read."""
    match field.kind:
        case Kind.FLAG:
            return fields.flag(field.name)
        case Kind.SECONDS:
            return fields.number(field.name)
        case Kind.WORDS:
            return fields.words(field.name)
        case Kind.MAPPING:
            return fields.mapping(field.name)
        case kind if kind.is_list:
            return fields.texts(field.name)
        # Any other choice is judged with the rest of the registration.
        case Kind.CHOICE if field.enumeration is not None:
            return fields.choice(field.name, field.choices)
        case _:
            return fields.text(field.name)
