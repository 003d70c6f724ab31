"""A whole login, as a browser makes it: pages, cookies, a form, redirects."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bench.exchange import get, post, require
from bench.world import World
from support.document import parse_document
from support.relying_party import Person

_COOKIE = re.compile(rb"\r\nset-cookie: *([^=;\s]+)=([^;\r]*)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)
_OK, _SEE_OTHER = 200, 303


class Login:
    """From the authorization request to the code; each time in a new browser."""

    turn = 0

    def __init__(self, world: World, person: Person, authorization_request: str) -> None:
        self._issuer = world.installation.settings.issuer
        self._person = person
        self._redirect_uri = world.web.redirect_uri
        self._first = get(authorization_request)
        self._next = self._first
        self._cookies: dict[str, str] = {}
        self._page = ""

    def request(self) -> bytes:
        """See ``Exchange``."""
        return self._next

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """See ``Exchange``."""
        for name, value in _COOKIE.findall(head):
            self._cookies[name.decode()] = value.decode()
        if status == _OK:
            self._next = self._submission(body)
            return False
        found = _LOCATION.search(head)
        require(status == _SEE_OTHER and found is not None, status, body)
        location = found[1].decode() if found else ""
        if location.startswith(self._redirect_uri):
            require("code=" in location, status, location.encode())
            self._next, self._cookies = self._first, {}
            return True
        parts = urlsplit(location)
        self._page = parts.path + (f"?{parts.query}" if parts.query else "")
        self._next = get(self._page, self._headers())
        return False

    def _submission(self, body: bytes) -> bytes:
        form = parse_document(body.decode()).get("form")
        fields = {
            field.attributes["name"]: field.attributes.get("value", "")
            for field in form.find_all("input")
            if "name" in field.attributes
        }
        require("password" in fields, _OK, body)
        fields |= {"username": self._person.username, "password": self._person.password}
        target = urlsplit(form.attributes.get("action") or self._page).path
        return post(target, list(fields.items()), self._headers() | {"Origin": self._issuer})

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
