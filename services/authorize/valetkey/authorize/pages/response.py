"""HTML answers, with the headers that every page carries."""

from collections.abc import Mapping

from aiohttp import web

from valetkey.authorize.pages.csp import form_post_policy, page_policy
from valetkey.authorize.pages.language import chosen_language
from valetkey.runtime.http.security_headers import page_headers


def page_response(
    html: str,
    *,
    status: int = 200,
    leads_to_client: bool = False,
    picture: str | None = None,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
    runs_script: bool = False,
) -> web.Response:
    """A page.

    ``leads_to_client``: submitting a form on it may end at a client. ``picture`` is the address of the one picture on
    it that is not ours. ``runs_script``: one of ours, from a file. ``retry_after`` is in seconds.
    """
    policy = page_policy(leads_to_client=leads_to_client, picture_uri=picture, runs_script=runs_script)
    again = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return _html(html, status, policy, {**(headers or {}), **again})


def form_post_response(html: str) -> web.Response:
    """The page that posts an authorization response. OAuth 2.0 Form Post Response Mode §2."""
    return _html(html, 200, form_post_policy(), {})


def see_other(location: str) -> web.Response:
    """303: whatever the method was, the browser goes on with GET and without the body. RFC 9700 §4.12."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def not_by_head() -> web.Response:
    """What HEAD is told where GET would begin or end something, and only then know where it leads.

    A header whose value depends on that may be left out. RFC 9110 §9.3.2.
    """
    return web.Response(status=303, headers={"Cache-Control": "no-store"})


def _html(html: str, status: int, policy: str, headers: Mapping[str, str]) -> web.Response:
    language = chosen_language()
    if language is not None:
        headers = {"Content-Language": language.tag, "Vary": "Accept-Language", **headers}
    return web.Response(
        text=html,
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={**page_headers(), "Content-Security-Policy": policy, **headers},
    )
