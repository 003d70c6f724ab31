"""Content-Security-Policy of the pages. CSP Level 3."""

from urllib.parse import urlsplit

from valetkey.authorize.pages.display import picture
from valetkey.authorize.pages.renderer import CONTENT_SECURITY_POLICY, FORM_POST_CONTENT_SECURITY_POLICY

_OWN_IMAGES = "img-src 'self'"
_OWN_FORMS = "; form-action 'self'"
_OWN_SCRIPTS = "; script-src 'self'"


def page_policy(*, leads_to_client: bool = False, picture_uri: str | None = None, runs_script: bool = False) -> str:
    """The policy of a page. Pictures are ours, or from the origin of ``picture_uri``; a script is ours, if any runs.

    Where submitting a form may lead to a client, no ``form-action`` is set. Browsers apply it to every redirect that
    follows the form: to the client, and from there to wherever the client goes on to, such as another port of the
    loopback interface or the scheme of an application. Only the client knows these.
    """
    policy = CONTENT_SECURITY_POLICY
    if (shown := picture(picture_uri)) is not None:
        policy = policy.replace(_OWN_IMAGES, f"{_OWN_IMAGES} https://{urlsplit(shown).netloc}")
    if runs_script:
        policy += _OWN_SCRIPTS
    return policy if leads_to_client else policy + _OWN_FORMS


def form_post_policy() -> str:
    """The policy of the page with a script that posts its form to the client."""
    return FORM_POST_CONTENT_SECURITY_POLICY
