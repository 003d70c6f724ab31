"""When two URIs name the same thing although they are spelled differently. RFC 3986 §6.2.2, §6.2.3."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_same_uri(one: str, other: str) -> bool:
    """Whether both are the same but for how they are spelled.

    Letter case of scheme and host, default ports, percent-encoded unreserved characters and dot segments make no
    difference; nor do, beyond RFC 3986, slashes at the end, a dot after the host, user information and an empty query.
    """
    return one == other or _normalized(one) == _normalized(other)


def _normalized(uri: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(_ESCAPE.sub(_plainest, uri))
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return (uri,)
    path = _without_dot_segments(parts.path).rstrip("/")
    return parts.scheme, _host(parts.hostname or ""), str(port), path, parts.query, parts.fragment


def _host(name: str) -> str:
    with suppress(ValueError):
        return str(ip_address(name))
    return name.lower().rstrip(".")


def _plainest(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(len(kept) - 1, 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
