"""Untrusted text, made safe to show: its content stays, characters that could deceive a reader go."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

MAX_LENGTH = 120
# CSP has no syntax for IPv6 literals, and a host of a registered URI may hold characters that end a directive.
HOST_SOURCE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
_JOINERS = frozenset("\u200c\u200d")  # Persian, Indic scripts and emoji need them; they cannot reorder text.


def plain(text: str, limit: int = MAX_LENGTH) -> str:
    """One line of at most ``limit`` characters, without control, invisible and text-direction characters."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    visible = "".join(character for character in spaced if character in _JOINERS or not _is_invisible(character))
    line = " ".join(visible.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def initial(text: str) -> str:
    """The letter that stands for a name where a picture would be; a bullet where the name has none."""
    return next((character.upper()[:1] for character in plain(text) if character.isalnum()), "•")


def web_link(uri: str | None) -> str | None:
    """The address if a browser may follow it as a link: http or https with a host; otherwise None."""
    if uri is None:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    is_clean = not any(character.isspace() or _is_invisible(character) for character in uri)
    return uri if parts.scheme in {"https", "http"} and parts.hostname and is_clean else None


def picture(uri: str | None) -> str | None:
    """The address if a page may show it as a picture: https, at a host that a Content-Security-Policy can name."""
    link = web_link(uri)
    if link is None:
        return None
    parts = urlsplit(link)
    return link if parts.scheme == "https" and HOST_SOURCE.fullmatch(parts.netloc) else None


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}
