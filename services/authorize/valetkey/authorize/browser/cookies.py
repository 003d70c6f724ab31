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
# More tabs than a browser restores at once.
MOST_BINDINGS = 16
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

    The binding cookie ends with the browser, and so does the session cookie unless the session is kept: on a shared
    computer closing the browser signs the user out.

    Tabs that a new browser opens at once are each given a binding, for none of them has one to send. So a binding
    cookie has a tag of its own, and those of several tabs stand side by side.
    """

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies

    def session_secret(self, request: web.Request) -> str | None:
        """The secret of the browser's session, not yet looked up."""
        value = self._cookies.read(request, SESSION)
        return value if value is not None and is_secret(value) else None

    def browsers(self, request: web.Request) -> tuple[Browser, ...]:
        """Every binding that this browser has been given, of which an interaction or a form has one."""
        tagged = self._cookies.read_tagged(request, BROWSER)
        values = [value for tag, value in sorted(tagged.items()) if tag == _tag(value)][:MOST_BINDINGS]
        # As the previous release has written it.
        untagged = self._cookies.read(request, BROWSER)
        return tuple(Browser(value) for value in dict.fromkeys([*values, untagged or ""]) if is_secret(value))

    def browser(self, request: web.Request) -> Browser | None:
        """The browser, for what begins now; None where it has not sent one good binding cookie."""
        return next(iter(self.browsers(request)), None)

    def device(self, request: web.Request) -> str | None:
        """The device cookie, not yet verified."""
        return self._cookies.read(request, DEVICE)

    def has_any(self, request: web.Request) -> bool:
        """Whether the browser has sent its session or its binding cookie."""
        return self._cookies.read(request, SESSION) is not None or bool(self.browsers(request))

    def write_session(
        self, request: web.Request, response: web.StreamResponse, secret: str, *, max_age: int | None = None
    ) -> None:
        """Sign the browser in, for ``max_age`` seconds or until it is closed."""
        self._cookies.write(request, response, SESSION, secret, max_age=max_age)

    def write_browser(self, request: web.Request, response: web.StreamResponse, browser: Browser) -> None:
        """Bind a browser that was not bound yet; one that was keeps its secret, so that its other tabs work on."""
        tag = _tag(browser.secret)
        if self._cookies.read_tagged(request, BROWSER).get(tag) != browser.secret:
            self._cookies.write(request, response, BROWSER, browser.secret, tag=tag)

    def write_device(self, request: web.Request, response: web.StreamResponse, value: str) -> None:
        """Remember the accounts that this browser has signed in to."""
        self._cookies.write(request, response, DEVICE, value, max_age=DEVICE_LIFETIME)

    def sign_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Forget the session and everything in progress; the device cookie stays, because it is no login."""
        self._cookies.clear(request, response, SESSION)
        self._cookies.clear(request, response, BROWSER)


def _tag(secret: str) -> str:
    return hashlib.sha256(b"tag " + secret.encode()).hexdigest()[:8]
