"""The outermost middleware: trace id, span where sampled, duration. Adds no work that is dropped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.runtime.http.errors import ERROR_TYPE
from valetkey.runtime.http.route import route_of
from valetkey.runtime.metrics import HTTP_REQUEST
from valetkey.runtime.telemetry import begin_trace

if TYPE_CHECKING:
    from valetkey.runtime.http.health import Health
    from valetkey.runtime.telemetry import Tracing

TRACE_HEADER = "X-Trace-Id"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_ERROR = 400


def observe_middleware(tracing: Tracing, health: Health, *, public: bool) -> Middleware:
    """Measures every request, and traces the sampled ones as ``{method} {route}``. OpenTelemetry HTTP conventions."""

    async def traced(request: web.Request, handler: Handler, method: str, route: str) -> tuple[web.StreamResponse, str]:
        traceparent = request.headers.get("traceparent", "")
        with tracing.server_span(f"{method} {route}", traceparent, public=public) as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            response = await handler(request)
            span.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": response.status}
            )
            if error_type := request.get(ERROR_TYPE):
                span.set_attribute("error.type", error_type)
            return response, trace_id

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        method = request.method if request.method in _METHODS else "_OTHER"
        route = route_of(request)
        exemplar = ""
        if tracing.samples():
            response, trace_id = await traced(request, handler, method, route)
            exemplar = trace_id
        else:
            trace_id = begin_trace()
            response = await handler(request)
        response.headers[TRACE_HEADER] = trace_id
        if health.draining:
            response.force_close()
        error_type = request.get(ERROR_TYPE, "") if response.status >= _CLIENT_ERROR else ""
        HTTP_REQUEST.observe(
            time.perf_counter() - started, method, route, str(response.status), error_type, trace_id=exemplar
        )
        return response

    return observe
