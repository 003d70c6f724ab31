"""Texts in the languages of their readers, out of gettext catalogues. A catalogue is read once, at start."""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from typing import TYPE_CHECKING

from valetkey.core.language import SOURCE, direction, look_up, offered
from valetkey.core.message import Described, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
# The place of the number in a text that has a plural.
COUNT = "count"
_PLACE = re.compile(r"%(?:\((\w+)\)[sd]|(.?))", re.DOTALL)


class CatalogueError(ValueError):
    """The languages cannot be offered as settings say; the message tells the operator why."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language on offer: its tag, ``ltr`` or ``rtl``, and the texts."""

    tag: str
    direction: str
    texts: NullTranslations


class Languages:
    """The languages on offer.

    ``own`` holds the catalogues that come with a room, as ``<tag>.mo``; ``directory`` those of a team, as
    ``<domain>.<tag>.mo``, which win text by text. Raises ``CatalogueError`` for a language without a catalogue, or one
    that cannot be used.
    """

    def __init__(
        self, own: Traversable, domain: str, tags: Sequence[str], default: str, *, directory: Path | None = None
    ) -> None:
        """Read every catalogue."""
        if directory is not None and not directory.is_dir():
            raise CatalogueError(f"the directory {directory} does not exist or is not a directory")
        self._by_tag = {tag: Language(tag, direction(tag), _read(own, domain, tag, directory)) for tag in tags}
        self._on_offer = offered(tags)
        if default not in self._by_tag:
            raise CatalogueError(f"the default language {default} is not among those on offer")
        self.default = self._by_tag[default]

    @property
    def tags(self) -> tuple[str, ...]:
        """What is on offer."""
        return tuple(self._by_tag)

    def find(self, wanted: Iterable[str]) -> Language | None:
        """The first wanted language that is on offer. RFC 4647 §3.4."""
        tag = look_up(wanted, self._on_offer)
        return None if tag is None else self._by_tag[tag]

    def choose(self, *wanted: str) -> Language:
        """The same; the default where none is."""
        return self.find(wanted) or self.default


class Translator:
    """What templates ask for texts, in the language that is spoken at the moment."""

    def __init__(self, default: Language) -> None:
        self._spoken: ContextVar[Language] = ContextVar("spoken", default=default)

    @contextmanager
    def speaking(self, language: Language) -> Iterator[None]:
        """Translate into this language meanwhile."""
        token = self._spoken.set(language)
        try:
            yield
        finally:
            self._spoken.reset(token)

    def gettext(self, source: str) -> str:
        """The text."""
        return self._spoken.get().texts.gettext(source)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The text for so many."""
        return self._spoken.get().texts.ngettext(singular, plural, number)

    def pgettext(self, context: str, source: str) -> str:
        """The text as it is used there."""
        return self._spoken.get().texts.pgettext(context, source)

    def npgettext(self, context: str, singular: str, plural: str, number: int) -> str:
        """The text for so many, as it is used there."""
        return self._spoken.get().texts.npgettext(context, singular, plural, number)

    def translated(self, value: object) -> object:
        """A sentence that stands in code, or that an operator gave, in the language; anything else as it is."""
        # Asked for whatever a template writes.
        if isinstance(value, Message):
            text = self.gettext(value.source)
            return text % value.values if value.values else text
        if isinstance(value, Described):
            return value.in_language(self._spoken.get().tag)
        return self.gettext(value.value) if isinstance(value, StrEnum) else value


class _Catalogue(GNUTranslations):
    """A catalogue whose texts can be looked through."""

    _catalog: dict[str | tuple[str, int], str]

    def problem(self) -> str | None:
        """A text that could not be shown; None where there is none."""
        for key, text in self._catalog.items():
            source = key[0] if isinstance(key, tuple) else key
            wanted, found = _places(source.rpartition("\x04")[2]), _places(text)
            if isinstance(key, tuple) and found is not None and wanted is not None:
                # A number may be a word.
                found, wanted = found - {COUNT}, wanted - {COUNT}
            if source and wanted is not None and found != wanted:
                return f"{text!r} does not have the %(places)s of {source!r}"
        return None


def _places(text: str) -> set[str] | None:
    """The names of its places; None where a percent sign stands alone, so that it is not for values."""
    names: set[str] = set()
    for match in _PLACE.finditer(text):
        if match[1] is not None:
            names.add(match[1])
        elif match[2] != "%":
            return None
    return names


def _read(own: Traversable, domain: str, tag: str, directory: Path | None) -> NullTranslations:
    ours = own / f"{tag}.mo"
    found: NullTranslations | None = None
    if tag == SOURCE:
        found = NullTranslations()
    elif ours.is_file():
        found = _catalogue(ours, ours.name)
    theirs = None if directory is None else directory / f"{domain}.{tag}.mo"
    if theirs is not None and theirs.is_file():
        catalogue = _catalogue(theirs, str(theirs))
        if found is not None:
            catalogue.add_fallback(found)
        found = catalogue
    if found is None:
        where = f"the directory of languages holds no {domain}.{tag}.mo" if directory else "there is no such directory"
        raise CatalogueError(f"the language {tag} has no catalogue: it is none of ours, and {where}")
    return found


def _catalogue(path: Traversable, name: str) -> _Catalogue:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        catalogue = None if len(content) > MAX_BYTES else _Catalogue(BytesIO(content))
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise CatalogueError(f"the catalogue {name} cannot be read: {error}") from error
    if catalogue is None:
        raise CatalogueError(f"the catalogue {name} is larger than {MAX_BYTES // 1024} KiB")
    if (problem := catalogue.problem()) is not None:
        raise CatalogueError(f"the catalogue {name} cannot be used: {problem}")
    return catalogue
