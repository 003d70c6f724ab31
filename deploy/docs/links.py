"""Links of Markdown pages, which lead to places in the repository; on the site some of those are not there."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Code is no place for links.
_CODE = re.compile(
    r"(^ *(?P<fence>```+|~~~+).*?^ *(?P=fence) *$|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:`[^`]*`|\\.|[^\[\]`\\])*)\]\((?P<target>[^()\s]+)\)")
_FOREIGN = re.compile(r"[a-z][a-z+.-]*:|#")


@dataclass(frozen=True, slots=True)
class Link:
    """``[text](target)`` on a page. ``place`` is where it leads, relative to the root; ``fragment`` has its ``#``."""

    text: str
    target: str
    place: Path
    fragment: str
    is_image: bool


def links(page: Path, text: str) -> Iterator[Link]:
    """The links of a page into the repository."""
    found: list[Link] = []

    def note(link: Link) -> None:
        found.append(link)

    rewritten(page, text, note)
    return iter(found)


def rewritten(page: Path, text: str, write: Callable[[Link], str | None]) -> str:
    """The page with each of them as ``write`` wants it, or as it was where that is None."""

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if _FOREIGN.match(target):
            return match[0]
        path, hash_, fragment = target.partition("#")
        place = Path(posixpath.normpath((page.parent / path).as_posix())) if path else page
        link = Link(match["text"], target, place, hash_ + fragment, match["image"] == "!")
        written = write(link)
        return match[0] if written is None else written

    # A link may have code as its text, so that code alone is put aside, and only where no link surrounds it.
    parts: list[str] = []
    position = 0
    for match in _outside_links(text):
        parts += [_LINK.sub(replace, text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, _LINK.sub(replace, text[position:])])


def _outside_links(text: str) -> Iterator[re.Match[str]]:
    spans = [match.span() for match in _LINK.finditer(text)]
    for match in _CODE.finditer(text):
        if not any(start < match.start() and match.end() < end for start, end in spans):
            yield match
