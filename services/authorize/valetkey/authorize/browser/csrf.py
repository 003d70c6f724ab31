"""Whether a form was filled in on our page, in this browser, for this step."""

from collections.abc import Sequence

from multidict import CIMultiDictProxy

from valetkey.authorize.browser.cookies import Browser
from valetkey.authorize.browser.keyed_mac import Mac
from valetkey.authorize.pages.shown_error import FormRefused


class Csrf:
    """Form tokens: codes over the browser's secret and what the form is for. Nothing is kept for them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._mac = Mac(keys, "form token")

    def token(self, browser: Browser, *context: str) -> str:
        """The token for a form of this browser; ``context`` names the step, the interaction and whom it speaks of."""
        return self._mac.make(browser.secret, *context)

    def require(self, token: str | None, browser: Browser, *context: str) -> None:
        """Raise ``FormRefused`` unless the form was made for this browser and this context."""
        self.require_any(token, (browser,), *context)

    def require_any(self, token: str | None, browsers: Sequence[Browser], *context: str) -> None:
        """Raise ``FormRefused`` unless the form was made for one of this browser's bindings and this context."""
        if not any(self.is_valid(token, browser, *context) for browser in browsers):
            raise FormRefused("the form token is missing or was made for something else")

    def is_valid(self, token: str | None, browser: Browser, *context: str) -> bool:
        """Whether the form was made for this browser and this context."""
        return token is not None and self._mac.is_valid(token, browser.secret, *context)


def require_own_origin(headers: CIMultiDictProxy[str], issuer_origin: str) -> None:
    """Raise ``FormRefused`` where a browser says that a form came from somewhere else. Fetch Standard, Fetch Metadata.

    A browser that sends neither header is let through: clients older than the headers exist, programs send none, and
    the form token, which the caller checks as well, cannot be had from another origin. The same goes for ``null``,
    which says nothing: our pages send no referrer, for which browsers replace the Origin of their forms by it, and
    Safari before 16.4 sends no Sec-Fetch-Site that could vouch for the form.
    """
    origins = headers.getall("Origin", [])
    sites = headers.getall("Sec-Fetch-Site", [])
    if any(site != "same-origin" for site in sites):
        raise FormRefused("Sec-Fetch-Site is not same-origin")
    if len(origins) > 1 or not {issuer_origin, "null"}.issuperset(origins):
        raise FormRefused("Origin is not ours")
