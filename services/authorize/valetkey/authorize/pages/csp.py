"""Content-Security-Policy of the pages. CSP Level 3."""

import re
from urllib.parse import urlsplit

from valetkey.authorize.pages.renderer import CONTENT_SECURITY_POLICY, FORM_POST_CONTENT_SECURITY_POLICY

# CSP has no syntax for IPv6 literals, and a host of a registered URI may hold characters that end a directive.
_HOST_SOURCE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


def form_action(redirect_uri: str | None) -> str:
    """The ``form-action`` directive of a page whose forms end at this URI, or stay with us where it is None.

    Browsers apply it not only to the form's own address but to the redirects that follow: to the client, and from there
    wherever the client goes on to. Naming only ourselves would break every login in Chromium.
    """
    if redirect_uri is None:
        return "form-action 'self'"
    source = _source(redirect_uri)
    return "form-action 'self' https:" if source == "https:" else f"form-action 'self' https: {source}"


def page_policy(redirect_uri: str | None) -> str:
    """The policy of a page without scripts."""
    return f"{CONTENT_SECURITY_POLICY}; {form_action(redirect_uri)}"


def form_post_policy(redirect_uri: str) -> str:
    """The policy of the one page with a script, which posts its form."""
    return f"{FORM_POST_CONTENT_SECURITY_POLICY}; {form_action(redirect_uri)}"


def _source(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    if parts.scheme == "http" and _HOST_SOURCE.fullmatch(parts.netloc):
        return f"http://{parts.netloc}"
    return f"{parts.scheme}:"
