"""Cookies, strictly: one per name, printable, host-only, of one issuer, out of reach of scripts. RFC 6265."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

# RFC 6265 §4.1.1: cookie-octet, and the token that a name is.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{1,3500}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCOPE_LENGTH = 8


def scope_of(issuer: str) -> str:
    """What tells the cookies of this issuer from those of others on its host; empty without a port and a path.

    Browsers send a cookie to every port of its host, and ``__Host-`` wants it to be for every path. RFC 6265 §8.5.
    """
    parts = urlsplit(issuer)
    place = f"{parts.port or ''}{parts.path.rstrip('/')}"
    return f"-{hashlib.sha256(place.encode()).hexdigest()[:_SCOPE_LENGTH]}" if place else ""


class Cookies:
    """Reads and writes cookies by plain name; over https they carry the ``__Host-`` prefix. RFC 6265bis §4.1.3.

    With a ``scope`` (of ``scope_of``) names end in it. The previous release knows no scope: a cookie that it wrote is
    read where there is none of ours, and it finds one where it has written none.
    """

    def __init__(self, *, https: bool, scope: str = "") -> None:
        self._prefix = "__Host-" if https else ""
        self._scope = scope
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if https else "")

    def read(self, request: web.Request, name: str) -> str | None:
        """The value, or None where the cookie is absent, malformed, or sent more than once."""
        found = self._sent(request, name + self._scope) or self._sent(request, name)
        # Two cookies of one name mean that an attacker planted one of them, and nothing tells which.
        return found[0] if len(found) == 1 and _VALUE.fullmatch(found[0]) else None

    def read_tagged(self, request: web.Request, name: str) -> dict[str, str]:
        """The values of those cookies of a name that were written with a tag, by tag."""
        start = f"{name}{self._scope}_"
        values: dict[str, list[str]] = {}
        for key, value in self._pairs(request):
            if key.startswith(start):
                values.setdefault(key.removeprefix(start), []).append(value)
        return {tag: found[0] for tag, found in values.items() if len(found) == 1 and _VALUE.fullmatch(found[0])}

    def write(
        self,
        request: web.Request,
        response: web.StreamResponse,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        tag: str = "",
    ) -> None:
        """Set a cookie, for ``max_age`` seconds or until the browser closes. ``ValueError`` for a bad name or value.

        ``tag`` tells several cookies of one name apart.
        """
        if not _NAME.fullmatch(name + tag) or not _VALUE.fullmatch(value):
            raise ValueError("not a cookie name and value")
        age = "" if max_age is None else f"; Max-Age={max_age}"
        own = f"{name}{self._scope}_{tag}" if tag else name + self._scope
        is_free = not self._sent(request, name) or (not tag and self._is_ours(request, name))
        names = [own, name] if own != name and is_free else [own]
        for each in names:
            response.headers.add("Set-Cookie", f"{self._prefix}{each}={value}{age}{self._attributes}")

    def clear(self, request: web.Request, response: web.StreamResponse, name: str) -> None:
        """Tell the browser to forget the cookies of a name, with and without a tag."""
        tagged = self.read_tagged(request, name)
        names = [name + self._scope, *(f"{name}{self._scope}_{tag}" for tag in tagged)]
        if self._scope and self._is_ours(request, name):
            names.append(name)
        for each in names:
            response.headers.add("Set-Cookie", f"{self._prefix}{each}=; Max-Age=0{self._attributes}")

    def _is_ours(self, request: web.Request, name: str) -> bool:
        """Whether there is a cookie without a scope, and its value is that of one of ours."""
        ours = {*self.read_tagged(request, name).values(), *self._sent(request, name + self._scope)}
        return not ours.isdisjoint(self._sent(request, name))

    def _sent(self, request: web.Request, name: str) -> list[str]:
        return [value for key, value in self._pairs(request) if key == name]

    def _pairs(self, request: web.Request) -> Iterator[tuple[str, str]]:
        """Name without our prefix, and value, of the cookies that have the prefix."""
        for header in request.headers.getall("Cookie", ()):
            for pair in header.split(";"):
                key, _, value = pair.strip(" \t").partition("=")
                if key.startswith(self._prefix):
                    yield key.removeprefix(self._prefix), value
