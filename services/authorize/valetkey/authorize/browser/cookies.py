"""The cookies of a browser: its session, its binding to what is in progress, and the accounts it has signed in to."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from valetkey.core.encoding import b64url_encode
from valetkey.runtime.http.cookies import Cookies

SESSION = "vk_session"
BROWSER = "vk_browser"
DEVICE = "vk_device"
DEVICE_LIFETIME = 180 * 86400
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def generate_secret() -> str:
    """256 random bits, base64url: a session secret, a browser secret or an interaction id."""
    return b64url_encode(secrets.token_bytes(32))


def is_secret(value: str) -> bool:
    """Whether this has the shape of a secret of ours, so that nothing else is ever looked up as one."""
    return _SECRET.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser, by the secret in its binding cookie. Interactions and form tokens belong to one browser."""

    secret: str
    is_new: bool = False

    @classmethod
    def generate(cls) -> Self:
        """A browser that has not been here before."""
        return cls(generate_secret(), is_new=True)

    @property
    def digest(self) -> bytes:
        """What an interaction keeps of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()


class BrowserCookies:
    """Reads and writes the three cookies.

    The session and binding cookies end with the browser; on a shared computer closing it signs the user out.
    """

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies

    def session_secret(self, request: web.Request) -> str | None:
        """The secret of the browser's session, not yet looked up."""
        return self._secret(request, SESSION)

    def browser(self, request: web.Request) -> Browser | None:
        """The browser, or None where it has not sent one good binding cookie."""
        secret = self._secret(request, BROWSER)
        return None if secret is None else Browser(secret)

    def device(self, request: web.Request) -> str | None:
        """The device cookie, not yet verified."""
        return self._cookies.read(request, DEVICE)

    def has_any(self, request: web.Request) -> bool:
        """Whether the browser has sent its session or its binding cookie."""
        return any(self._cookies.read(request, name) is not None for name in (SESSION, BROWSER))

    def write_session(self, response: web.StreamResponse, secret: str) -> None:
        """Sign the browser in."""
        self._cookies.write(response, SESSION, secret)

    def write_browser(self, response: web.StreamResponse, browser: Browser) -> None:
        """Bind a browser that was not bound yet; one that was keeps its secret, so that its other tabs work on."""
        if browser.is_new:
            self._cookies.write(response, BROWSER, browser.secret)

    def write_device(self, response: web.StreamResponse, value: str) -> None:
        """Remember the accounts that this browser has signed in to."""
        self._cookies.write(response, DEVICE, value, DEVICE_LIFETIME)

    def sign_out(self, response: web.StreamResponse) -> None:
        """Forget the session and everything in progress; the device cookie stays, because it is no login."""
        self._cookies.clear(response, SESSION)
        self._cookies.clear(response, BROWSER)

    def _secret(self, request: web.Request, name: str) -> str | None:
        value = self._cookies.read(request, name)
        return value if value is not None and is_secret(value) else None
