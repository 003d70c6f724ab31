"""The rows of the table of routes as routes of an application: each has a handler, and each handler has a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler

from valetkey.core.routes import Route, routes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Handlers = Mapping[Route, Handler | Mapping[str, Handler]]


def public_routes(service: str, issuer_path: str, handlers: Handlers) -> list[web.RouteDef]:
    """The routes of one service: a handler for all methods of a row, or one by method; that of GET answers HEAD.

    Raises ``ValueError`` where a row or one of its methods has no handler, or a handler has none of them.
    """
    rows = set(routes_of(service))
    if rows != handlers.keys():
        unmatched = ", ".join(sorted(route.path for route in rows ^ handlers.keys()))
        raise ValueError(
            f"the {service} service has a route without a handler or a handler without a route: {unmatched}"
        )
    return [
        # aiohttp would answer HEAD wherever it answers GET.
        web.RouteDef(method, path, handler, {"allow_head": False} if method == "GET" else {})
        for route in routes_of(service)
        for path in route.paths(issuer_path)
        for method, handler in _by_method(route, handlers[route])
    ]


def cross_origin(service: str, issuer_path: str) -> dict[str, tuple[str, ...]]:
    """The paths of one service, and their methods, that scripts of any origin may call."""
    return {
        path: route.methods for route in routes_of(service) if route.cross_origin for path in route.paths(issuer_path)
    }


def _by_method(route: Route, handler: Handler | Mapping[str, Handler]) -> Iterator[tuple[str, Handler]]:
    by_method = handler if isinstance(handler, Mapping) else dict.fromkeys(route.methods, handler)
    if "HEAD" in route.methods and "GET" in by_method:
        by_method = {"HEAD": by_method["GET"], **by_method}
    if set(route.methods) != by_method.keys():
        raise ValueError(f"{route.path} answers {', '.join(route.methods)}, its handlers {', '.join(by_method)}")
    return ((method, by_method[method]) for method in route.methods)
