"""A language whose texts are those of the sources between marks, so that a word from elsewhere stands out."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from support.catalogues import Domain, sources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from support.document import Element

TAG = "en-x-marked"
BEGIN, END = "⟦", "⟧"
# What people read or hear of an element beside its text.
SPOKEN = ("alt", "aria-label", "title", "placeholder", "data-cancelled", "data-exists", "data-failed")
_UNREAD = {"script", "style"}
_WORD = re.compile(r"[^\W\d_]{2,}")


def write_marked(domain: Domain, directory: Path) -> Path:
    """Write the catalogue of the language; the directory is for the setting of that name."""
    catalogue, written = Catalog(locale="en"), BytesIO()
    for message in sources(domain):
        if message.id:
            texts = (message.id,) if isinstance(message.id, str) else message.id
            marked = tuple(f"{BEGIN}{text}{END}" for text in texts)
            catalogue.add(message.id, marked[0] if isinstance(message.id, str) else marked, context=message.context)
    write_mo(written, catalogue)
    (directory / f"{domain.name}.{TAG}.mo").write_bytes(written.getvalue())
    return directory


def unmarked(document: Element, data: Collection[str]) -> list[str]:
    """The words of a page that are in no catalogue; ``data`` are those that the page was given."""
    text = "".join(_pieces(document))
    found = [*_outside(text)]
    for element in document.find_all():
        for name in SPOKEN:
            found += _outside(element.attributes.get(name, ""))
    return [word for piece in found for word in _WORD.findall(_without(piece, data))]


def unmarked_text(text: str, data: Collection[str]) -> list[str]:
    """The same for a text without markup."""
    return [word for piece in _outside(text) for word in _WORD.findall(_without(piece, data))]


def _pieces(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.tag not in _UNREAD:
            yield from _pieces(child)
            yield "\n"


def _outside(text: str) -> Iterator[str]:
    """What stands between no marks."""
    depth, piece = 0, ""
    for character in text:
        depth += (character == BEGIN) - (character == END)
        if depth == 0 and character != END:
            piece += character
        elif piece:
            yield piece
            piece = ""
    assert depth == 0, "a text is cut off"
    if piece:
        yield piece


def _without(piece: str, data: Collection[str]) -> str:
    for value in sorted(data, key=len, reverse=True):
        piece = piece.replace(value, " ")
    return piece
