"""Content-Security-Policy of the pages. CSP Level 3."""

from urllib.parse import urlsplit

from valetkey.authorize.pages.display import HOST_SOURCE, picture
from valetkey.authorize.pages.renderer import CONTENT_SECURITY_POLICY, FORM_POST_CONTENT_SECURITY_POLICY

_OWN_IMAGES = "img-src 'self'"


def form_action(redirect_uri: str | None) -> str:
    """The ``form-action`` directive of a page whose forms end at this URI, or stay with us where it is None.

    Browsers apply it not only to the form's own address but to the redirects that follow: to the client, and from there
    wherever the client goes on to. Naming only ourselves would break every login in Chromium.
    """
    if redirect_uri is None:
        return "form-action 'self'"
    source = _source(redirect_uri)
    return "form-action 'self' https:" if source == "https:" else f"form-action 'self' https: {source}"


def page_policy(redirect_uri: str | None, picture_uri: str | None = None) -> str:
    """The policy of a page without scripts. Pictures are ours, or from the origin of ``picture_uri``."""
    policy = CONTENT_SECURITY_POLICY
    if (shown := picture(picture_uri)) is not None:
        policy = policy.replace(_OWN_IMAGES, f"{_OWN_IMAGES} https://{urlsplit(shown).netloc}")
    return f"{policy}; {form_action(redirect_uri)}"


def form_post_policy(redirect_uri: str) -> str:
    """The policy of the one page with a script, which posts its form."""
    return f"{FORM_POST_CONTENT_SECURITY_POLICY}; {form_action(redirect_uri)}"


def _source(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    if parts.scheme == "http" and HOST_SOURCE.fullmatch(parts.netloc):
        return f"http://{parts.netloc}"
    return f"{parts.scheme}:"
