"""An application with the limits and middlewares that every service has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.runtime.http.address import TRUSTED_PROXIES
from valetkey.runtime.http.cors import cors_middleware
from valetkey.runtime.http.errors import FailureRenderer, errors_middleware, render_json
from valetkey.runtime.http.forms import BODY_TIMEOUT, MAX_FIELDS
from valetkey.runtime.http.health import Health
from valetkey.runtime.http.limits.connection_limit import (
    CONNECTIONS_PER_ADDRESS,
    MAX_CONNECTIONS,
    connections_allowed,
    connections_of_one,
)
from valetkey.runtime.http.limits.gate import gate_middleware
from valetkey.runtime.http.limits.in_flight import IN_FLIGHT, InFlight
from valetkey.runtime.http.observe import observe_middleware
from valetkey.runtime.http.proxy_watch import ProxyWatch
from valetkey.runtime.http.security_headers import security_headers_middleware
from valetkey.runtime.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from valetkey.runtime.settings.settings import Settings

HEALTH = web.AppKey("health", Health)
TRACING = web.AppKey("tracing", Tracing)
MAX_LINE_BYTES = 8190
MAX_HEADERS = 64
LINGERING_SECONDS = 2.0


def connection_limits(keepalive_timeout: float) -> dict[str, object]:
    """What a connection may cost, as ``handler_args`` of an application; seconds."""
    return {
        # The idle timer also runs while the first headers arrive, so it bounds slow ones.
        "keepalive_timeout": keepalive_timeout,
        "lingering_time": LINGERING_SECONDS,
        "max_line_size": MAX_LINE_BYTES,
        "max_field_size": MAX_LINE_BYTES,
        "max_headers": MAX_HEADERS,
        "auto_decompress": False,
        "access_log": None,
    }


def create_app(
    settings: Settings,
    *,
    routes: Iterable[web.AbstractRouteDef] = (),
    tracing: Tracing | None = None,
    render: FailureRenderer = render_json,
    cross_origin: Mapping[str, Sequence[str]] | None = None,
    public: bool = True,
) -> web.Application:
    """An application of one service.

    ``render`` shows failures, JSON unless told. ``cross_origin`` names the paths, and their methods, that scripts of
    any origin may call. ``public`` routes do not continue the trace of the caller.
    """
    health = Health()
    in_flight = InFlight(settings.max_requests_in_flight)
    tracing = tracing or Tracing()
    middlewares = [
        observe_middleware(tracing, health, ProxyWatch(settings.trusted_proxies), public=public),
        security_headers_middleware(https=settings.issuer_is_https),
        *([cors_middleware(cross_origin)] if cross_origin else []),
        errors_middleware(render),
        gate_middleware(health.waiting, in_flight),
    ]
    app = web.Application(
        middlewares=middlewares,
        client_max_size=settings.max_body_bytes,
        client_max_fields=MAX_FIELDS,
        handler_args=connection_limits(settings.keepalive_timeout),
    )
    app[HEALTH] = health
    app[TRACING] = tracing
    app[IN_FLIGHT] = in_flight
    app[MAX_CONNECTIONS] = allowed = connections_allowed(settings.max_connections)
    app[CONNECTIONS_PER_ADDRESS] = connections_of_one(
        settings.connections_per_address, allowed, settings.max_requests_in_flight
    )
    app[BODY_TIMEOUT] = settings.body_timeout
    app[TRUSTED_PROXIES] = settings.trusted_proxies
    app.add_routes(routes)
    return app
