"""What a row of the table of client metadata consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Protocol, cast


class Kind(Enum):
    """What a value is."""

    TEXT = "text"
    CHOICE = "one of a few words"
    URL = "the address of a web page"
    RESOURCE = "the identifier of a resource server"
    SECONDS = "whole seconds"
    FLAG = "true or false"
    MAPPING = "mapping with names"
    CHOICES = "set of a few words"
    TEXTS = "list of texts"
    WORDS = "list of words, or words between spaces"
    URIS = "list of URIs"
    RESOURCES = "set of identifiers of resource servers"
    GROUPS = "set of names of groups"

    @property
    def is_list(self) -> bool:
        """Whether the field has several values."""
        return self in _SETS or self in _TUPLES

    def stored(self, value: object) -> object:
        """A value as JSON has it; sets in one order, so that the same registration is the same document."""
        if self in _SETS:
            return sorted(cast("Iterable[str]", value))
        if self is Kind.MAPPING and value is not None:
            return cast("Document", value).document
        return list(cast("Iterable[str]", value)) if self in _TUPLES else value

    def typed(self, value: object) -> object:
        """A value as ``Client`` has it, from what JSON, YAML or the command line has."""
        if self in _SETS:
            return frozenset(cast("Iterable[str]", value))
        return tuple(cast("Iterable[str]", value)) if self in _TUPLES else value


_SETS = frozenset({Kind.CHOICES, Kind.RESOURCES, Kind.GROUPS})
_TUPLES = frozenset({Kind.TEXTS, Kind.WORDS, Kind.URIS})


class Audience(StrEnum):
    """Who may see a field. Each sees what those before it see."""

    PUBLIC = "everyone, on pages"
    CLIENT = "the client"
    OPERATOR = "operators"


class Place(Enum):
    """Where a field is stored: a column of ``clients``, the document in its column ``metadata``, or both.

    ``COLUMN`` is for what a statement searches or changes by itself. ``BOTH`` is for what releases up to 0.2 keep in a
    column: the column counts until the contract step that migration 0004 describes.
    """

    COLUMN = "column"
    BOTH = "column and document"
    DOCUMENT = "document"


class Document(Protocol):
    """What ``Client`` has for a mapping."""

    @property
    def document(self) -> object:
        """The mapping as JSON has it."""


Check = Callable[[str, Any], Iterable[str]]
EMPTY: tuple[object, ...] = (None, (), frozenset())
"""What a field holds that has no value."""


def _nothing_wrong(_name: str, _value: object) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    ``name`` is that of RFC 7591 §2 and of the attribute of ``Client``. ``description`` is one sentence: the help of the
    option, and what the chart and the documentation say. ``form`` says what may be written, ``default_words`` what the
    default is where it is not one value. ``check`` is given the name and a value that is not empty; it gives problems
    in words for an operator. ``enumeration`` is what ``Client`` has in place of a text, ``read`` makes what it has in
    place of a mapping. ``pattern`` is what the chart's schema asks of a text, as far as a pattern can say it.
    ``option_name`` is the option where it is not ``name``. ``in_column`` is what a column that cannot be null holds for
    no value, and what releases up to 0.2 go by; the document has null.
    """

    name: str
    kind: Kind
    description: str
    form: str
    audience: Audience
    place: Place = Place.DOCUMENT
    is_required: bool = False
    default: object = None
    default_words: str = ""
    check: Check = _nothing_wrong
    choices: tuple[str, ...] = ()
    enumeration: type[StrEnum] | None = None
    read: Callable[[object], Document] | None = None
    pattern: str = ""
    in_column: str | None = None
    option_name: str = ""

    @property
    def option(self) -> str:
        """The option; one that may be repeated is in the singular."""
        name = self.option_name or (self.name.removesuffix("s") if self.kind.is_list else self.name)
        return f"--{name.replace('_', '-')}"

    def column(self, value: object) -> object:
        """A value as its column has it."""
        return self.in_column if value is None else value

    def from_column(self, value: str, document: Mapping[str, object]) -> str | None:
        """A value from its column; None where the document of the same row says that there is none."""
        has_none = value == self.in_column and self.name in document and document[self.name] is None
        return None if has_none else value

    @property
    def may_be_empty(self) -> bool:
        """Whether a registration may have no value for it."""
        return self.default in EMPTY and not self.is_required

    @property
    def empty(self) -> object:
        """What stands for no value before ``typed``."""
        return () if self.kind.is_list else None

    def typed(self, value: object) -> object:
        """A value as ``Client`` has it. Raises ``ValueError`` for what is no member of ``enumeration``."""
        if value is None:
            return None
        if self.enumeration is not None:
            return self.enumeration(str(value))
        return self.kind.typed(value) if self.read is None else self.read(value)
