"""A page as a reader of it sees it: elements with attributes and text, in document order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})


@dataclass(slots=True)
class Element:
    """One element. Attributes without a value are empty strings."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says, white space collapsed."""
        return " ".join("".join(self.pieces()).split())

    def find_all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """The elements below with this tag and these attributes; ``class_`` and ``for_`` lose their underscore."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self._descendants()
            if tag in {None, element.tag} and wanted.items() <= element.attributes.items()
        ]

    def get(self, tag: str | None = None, **attributes: str) -> Element:
        """The one such element."""
        (found,) = self.find_all(tag, **attributes)
        return found

    def _descendants(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.find_all()

    def pieces(self) -> Iterator[str]:
        """What it says, in the pieces that it was written in."""
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child.pieces()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop()
        assert opened.tag == tag, f"</{tag}> closes <{opened.tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse_document(html: str) -> Element:
    """Read a page strictly: an element left open, or closed out of order, is an ``AssertionError``."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert len(builder.open) == 1, f"<{builder.open[-1].tag}> is left open"
    return builder.open[0]
