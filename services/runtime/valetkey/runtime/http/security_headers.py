"""Headers that every answer carries, and the stricter set of pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

if TYPE_CHECKING:
    from collections.abc import Sequence


_SOURCE = re.compile(r"[A-Za-z0-9._~:/\[\]+=-]+")
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    # Says less than the default, which names the versions of Python and aiohttp.
    "Server": "Valetkey",
}
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}


def security_headers_middleware(*, https: bool) -> Middleware:
    """Sets the headers that an answer does not set itself; ``https`` adds Strict-Transport-Security. RFC 6797."""
    defaults = tuple({**EVERYWHERE, **(_HTTPS_ONLY if https else {})}.items())

    @web.middleware
    async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        headers = response.headers
        for name, value in defaults:
            headers.setdefault(name, value)
        return response

    return security_headers


def page_headers(*, form_action: Sequence[str] = (), script_nonce: str = "") -> dict[str, str]:
    """Headers of an HTML page: nothing from elsewhere, no inline code, no frames, no storing.

    ``form_action`` adds the origins (or schemes such as ``com.example.app:``) where submitting a form may end up;
    browsers check the redirects after it as well. ``script_nonce`` allows the one inline script that carries it. Raises
    ``ValueError`` for a source that would end the directive. CSP Level 3.
    """
    if not all(_SOURCE.fullmatch(source) for source in (*form_action, script_nonce or "none")):
        raise ValueError("not a source that a Content-Security-Policy can name")
    script = f"'self' 'nonce-{script_nonce}'" if script_nonce else "'self'"
    action = " ".join(("'self'", *form_action))
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; script-src {script}; "
        f"form-action {action}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # A login in a popup: the client's page has to keep `opener` and `closed`. Every other value separates the two.
        "Cross-Origin-Opener-Policy": "unsafe-none",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
