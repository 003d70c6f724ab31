"""Untrusted text, made safe to show: its content stays, characters that could deceive a reader go."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from valetkey.core.plain_text import is_invisible, plain

# CSP has no syntax for IPv6 literals, and a host of a registered URI may hold characters that end a directive.
HOST_SOURCE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


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
    is_clean = not any(character.isspace() or is_invisible(character) for character in uri)
    return uri if parts.scheme in {"https", "http"} and parts.hostname and is_clean else None


def picture(uri: str | None) -> str | None:
    """The address if a page may show it as a picture: https, at a host that a Content-Security-Policy can name."""
    link = web_link(uri)
    if link is None:
        return None
    parts = urlsplit(link)
    return link if parts.scheme == "https" and HOST_SOURCE.fullmatch(parts.netloc) else None
