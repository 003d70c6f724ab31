"""The demo's own pages: templates, stylesheets, and headers that keep everything else out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from valetkey.resource_server import public

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).parent
_MEDIA_TYPES = {"/page.css": "text/css", "/tour.css": "text/css", "/icon.svg": "image/svg+xml"}
STATIC_PATHS = frozenset(_MEDIA_TYPES)


def render_page(
    template: str, context: Mapping[str, object], *, status: int = 200, form_action: str = ""
) -> web.Response:
    """A page without scripts. ``form_action`` is a further origin that its forms may lead to. CSP Level 3."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action 'self' {form_action}"
    )
    return web.Response(
        text=_templates().get_template(template).render(context),
        status=status,
        content_type="text/html",
        headers={
            "Content-Security-Policy": policy.strip(),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        },
    )


@public
async def serve_static(request: web.Request) -> web.Response:
    """A stylesheet or the icon; public."""
    content = _static(request.path)
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=content, content_type=_MEDIA_TYPES[request.path], headers=headers)


def static_routes() -> list[web.RouteDef]:
    """The routes of everything that pages refer to."""
    return [web.get(path, serve_static) for path in _MEDIA_TYPES]


@cache
def _static(path: str) -> str:
    return (_HERE / "static" / path.removeprefix("/")).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
