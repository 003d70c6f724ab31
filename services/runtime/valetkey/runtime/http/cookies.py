"""Cookies, strictly: one per name, printable, host-only, out of reach of scripts. RFC 6265."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

# RFC 6265 §4.1.1: cookie-octet, and the token that a name is.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{1,3500}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Cookies:
    """Reads and writes cookies by plain name; over https they carry the ``__Host-`` prefix. RFC 6265bis §4.1.3."""

    def __init__(self, *, https: bool) -> None:
        self._prefix = "__Host-" if https else ""
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if https else "")

    def read(self, request: web.Request, name: str) -> str | None:
        """The value, or None where the cookie is absent, malformed, or sent more than once."""
        wanted = self._prefix + name
        found: list[str] = []
        for header in request.headers.getall("Cookie", ()):
            for pair in header.split(";"):
                key, _, value = pair.strip(" \t").partition("=")
                if key == wanted:
                    found.append(value)
        # Two cookies of one name mean that an attacker planted one of them, and nothing tells which.
        if len(found) != 1 or not _VALUE.fullmatch(found[0]):
            return None
        return found[0]

    def write(self, response: web.StreamResponse, name: str, value: str, max_age: int | None = None) -> None:
        """Set a cookie, for ``max_age`` seconds or until the browser closes. ``ValueError`` for a bad name or value."""
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("not a cookie name and value")
        age = "" if max_age is None else f"; Max-Age={max_age}"
        response.headers.add("Set-Cookie", f"{self._prefix}{name}={value}{age}{self._attributes}")

    def clear(self, response: web.StreamResponse, name: str) -> None:
        """Tell the browser to forget a cookie."""
        response.headers.add("Set-Cookie", f"{self._prefix}{name}=; Max-Age=0{self._attributes}")
