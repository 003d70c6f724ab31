"""The outermost middleware: trace id, span where sampled, duration. Adds no work that is dropped."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.runtime.http.errors import ERROR_TYPE
from valetkey.runtime.http.route import route_of
from valetkey.runtime.telemetry.metrics import HTTP_REQUEST
from valetkey.runtime.telemetry.traceparent import parse_traceparent
from valetkey.runtime.telemetry.tracing import begin_trace

if TYPE_CHECKING:
    from valetkey.runtime.http.health import Health
    from valetkey.runtime.http.proxy_watch import ProxyWatch
    from valetkey.runtime.telemetry.trace import Trace
    from valetkey.runtime.telemetry.tracing import Tracing

TRACE_HEADER = "X-Trace-Id"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def observe_middleware(tracing: Tracing, health: Health, proxies: ProxyWatch, *, public: bool) -> Middleware:
    """Measures every request, and traces the sampled ones as ``{method} {route}``. OpenTelemetry HTTP conventions.

    A public route starts a new trace that links to the caller's span, so that a caller chooses neither our trace ids
    nor our sampling; an internal route continues the caller's. Whether a request is sampled is decided first; one that
    turns out to belong to a login of ours that is sampled becomes part of its trace, see ``continue_trace``.
    """

    def end(
        request: web.Request, trace: Trace, started: float, method: str, route: str, status: int, error_type: str
    ) -> None:
        attributes = _attributes(method, route, status, error_type)
        caller = parse_traceparent(request.headers.get("traceparent", "")) if public else None
        is_error = status == 0 or status >= _SERVER_ERROR
        tracing.end_request(trace, f"{method} {route}", started, attributes, caller=caller, is_error=is_error)

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        if started >= proxies.due:
            proxies.look(request, started)
        method = request.method if request.method in _METHODS else "_OTHER"
        route = route_of(request)
        trace = begin_trace("", request)
        if tracing.samples():
            trace.sample(None if public else parse_traceparent(request.headers.get("traceparent", "")))
        try:
            response = await handler(request)
        except BaseException as error:
            # The client hung up: there is no answer that could be measured.
            if trace.operations is not None:
                end(request, trace, started, method, route, 0, type(error).__name__)
            raise
        status = response.status
        response.headers[TRACE_HEADER] = trace.trace_id
        if health.draining:
            response.force_close()
        error_type = request.get(ERROR_TYPE, "") if status >= _CLIENT_ERROR else ""
        is_sampled = trace.operations is not None
        HTTP_REQUEST.observe(
            perf_counter() - started,
            method,
            route,
            str(status),
            error_type,
            trace_id=trace.trace_id if is_sampled else "",
        )
        if is_sampled:
            end(request, trace, started, method, route, status, error_type)
        return response

    return observe


def _attributes(method: str, route: str, status: int, error_type: str) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {"http.request.method": method, "http.route": route}
    if status:
        attributes["http.response.status_code"] = status
    if error_type:
        attributes["error.type"] = error_type
    return attributes
