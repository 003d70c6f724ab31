"""A whole login, as a browser makes it: pages, cookies, a form, redirects."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bench.exchange import get, post, require
from bench.world import World
from support.document import Element, parse_document
from support.relying_party import Person
from support.software_authenticator import SoftwareAuthenticator

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
        form = self._form(parse_document(body.decode()), body)
        fields = {
            field.attributes["name"]: field.attributes.get("value", "")
            for field in form.find_all("input")
            if "name" in field.attributes
        }
        fields |= self._proof(form)
        target = urlsplit(form.attributes.get("action") or self._page).path
        return post(target, list(fields.items()), self._headers() | {"Origin": self._issuer})

    def _form(self, page: Element, body: bytes) -> Element:
        (form,) = (each for each in page.find_all("form") if "data-passkey" not in each.attributes)
        require(bool(form.find_all("input", name="password")), _OK, body)
        return form

    def _proof(self, form: Element) -> dict[str, str]:  # noqa: ARG002 - a password needs nothing of the page
        return {"username": self._person.username, "password": self._person.password}

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}


class PasskeyLogin(Login):
    """The same by a passkey, which needs no name."""

    def __init__(self, world: World, person: Person, authorization_request: str, device: SoftwareAuthenticator) -> None:
        super().__init__(world, person, authorization_request)
        self._device = device

    def _form(self, page: Element, body: bytes) -> Element:
        forms = [each for each in page.find_all("form") if "data-passkey" in each.attributes]
        require(len(forms) == 1, _OK, body)
        return forms[0]

    def _proof(self, form: Element) -> dict[str, str]:
        return {"passkey": self._device.get(form.attributes["data-options"])}
