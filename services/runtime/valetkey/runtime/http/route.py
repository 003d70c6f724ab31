"""The name of a route in logs, spans and metrics: its template, never the path that was sent."""

from __future__ import annotations

from aiohttp import web

UNMATCHED = "unmatched"


def route_of(request: web.Request) -> str:
    """The template, such as ``/session/{id}``; ``unmatched`` where no route answers this path and method."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED
