"""Cross-origin reading, only of the endpoints that a script in a browser is meant to call, never with cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.core.routes import CROSS_ORIGIN_HEADERS
from valetkey.runtime.http.observe import TRACE_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_READING = frozenset({"GET", "HEAD"})
_ANSWER = {
    # A wildcard is never combined with cookies by a browser. Fetch Standard, CORS protocol and credentials.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"WWW-Authenticate, Retry-After, {TRACE_HEADER}",
}


def cors_middleware(
    paths: Mapping[str, Sequence[str]],
) -> Middleware:
    """Lets any origin use exactly these paths with these methods; every other path stays closed. Security item 8.

    What is read says so to every caller: a shared cache may give the answer that it keeps to a script as well.
    """
    preflights = {
        path: {
            **_ANSWER,
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": ", ".join(CROSS_ORIGIN_HEADERS),
            "Access-Control-Max-Age": "7200",
        }
        for path, methods in paths.items()
    }

    @web.middleware
    async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_script = "Origin" in request.headers
        if not (is_script or request.method in _READING) or request.path not in preflights:
            return await handler(request)
        if is_script and request.method == "OPTIONS":
            return web.Response(status=204, headers=preflights[request.path])
        response = await handler(request)
        response.headers.update(_ANSWER)
        return response

    return cors
