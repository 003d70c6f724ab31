"""Errors on the wire: the only place that knows status codes and JSON for ``OAuthError``.

The renderer is a hook, so that the service that talks to browsers can show a page for the same ``Failure``.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.core.oauth.errors import InvalidRequest, OAuthError, ServerError, TemporarilyUnavailable, TooManyRequests
from valetkey.runtime.http.responses import no_store_json
from valetkey.runtime.http.route import route_of
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping

REALM = "valetkey"
ERROR_TYPE = web.RequestKey("error_type", str)
_LOG = logging.getLogger("valetkey.http")
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_TOO_MANY_REQUESTS = 429
_STATUS = {"invalid_client": 401, "invalid_token": 401, "insufficient_scope": 403, "server_error": _SERVER_ERROR}
_HTTP_DESCRIPTIONS = {
    404: "There is nothing at this address.",
    405: "This address does not accept this method.",
    413: "The request is too large.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a caller may be told. ``reference`` is the trace id by which an operator finds the rest.

    ``is_explained`` where the description is about this request, and not about everything with this error.
    """

    status: int
    error: str
    description: str
    reference: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_explained: bool = False


FailureRenderer = Callable[[web.Request, Failure], Awaitable[web.StreamResponse]]


def failure_of(error: OAuthError) -> Failure:
    """The public side of a refusal: status, registered code, fixed text, challenge. RFC 6749 §5.2, RFC 6750 §3."""
    headers: dict[str, str] = {}
    status = _STATUS.get(error.error, _CLIENT_ERROR)
    if isinstance(error, TemporarilyUnavailable):
        status, headers = _UNAVAILABLE, {"Retry-After": str(error.retry_after)}
    elif isinstance(error, TooManyRequests):
        status, headers = _TOO_MANY_REQUESTS, {"Retry-After": str(error.retry_after)}
    elif error.error == "invalid_client":
        headers = {"WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'}
    elif error.error in {"invalid_token", "insufficient_scope"}:
        headers = {"WWW-Authenticate": bearer_challenge(error)}
    return Failure(status, error.error, error.description, current_trace_id(), headers, error.is_explained)


def bearer_challenge(error: OAuthError | None = None, *, scope: str = "") -> str:
    """The value of WWW-Authenticate; without an error code where no credentials were sent. RFC 6750 §3."""
    if error is None:
        return f'Bearer realm="{REALM}"'
    needed = f', scope="{scope}"' if scope else ""
    return f'Bearer realm="{REALM}", error="{error.error}", error_description="{error.description}"{needed}'


def bearer_failure(request: web.Request, error: OAuthError | None = None, *, scope: str = "") -> web.Response:
    """The answer of a protected resource: 401 without a body where no token was sent, else the error. RFC 6750 §3."""
    challenge = {"WWW-Authenticate": bearer_challenge(error, scope=scope)}
    if error is None:
        return web.Response(status=401, headers={**challenge, "Cache-Control": "no-store"})
    note(request, error)
    failure = failure_of(error)
    headers = challenge if failure.status < _SERVER_ERROR else failure.headers
    return _json(Failure(failure.status, failure.error, failure.description, failure.reference, headers))


def _json(failure: Failure) -> web.Response:
    payload = {"error": failure.error, "error_description": failure.description, "reference": failure.reference}
    return no_store_json(payload, status=failure.status, headers=failure.headers)


async def render_json(_request: web.Request, failure: Failure) -> web.StreamResponse:
    """The error as clients and resource servers want it. RFC 6749 §5.2."""
    return _json(failure)


def note(request: web.Request, error: OAuthError) -> None:
    """Log the private reason of a refusal next to its public code, and tell the metrics the code."""
    request[ERROR_TYPE] = error.error
    _LOG.log(_level(error), "refused", extra={"error": error.error, "reason": error.reason, "route": route_of(request)})


def _level(error: OAuthError) -> int:
    if isinstance(error, TooManyRequests):
        # A limit that filled the log would not be one.
        return logging.DEBUG
    return logging.WARNING if isinstance(error, ServerError | TemporarilyUnavailable) else logging.INFO


def _http_failure(error: web.HTTPException) -> Failure:
    description = _HTTP_DESCRIPTIONS.get(error.status, InvalidRequest.description)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Failure(error.status, InvalidRequest.error, description, current_trace_id(), headers)


def errors_middleware(render: FailureRenderer) -> Middleware:
    """Turns every exception of a handler into an answer; whatever is not a refusal is a bug and says nothing."""

    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except OAuthError as error:
            note(request, error)
            failure = failure_of(error)
        except web.HTTPException as error:
            if error.status < _CLIENT_ERROR:
                return web.Response(status=error.status, headers=error.headers)
            request[ERROR_TYPE] = str(error.status)
            failure = _http_failure(error)
        except Exception as error:  # noqa: BLE001 - the one place where a bug becomes an answer
            request[ERROR_TYPE] = type(error).__name__
            _LOG.exception("unhandled error", extra={"route": route_of(request)})
            failure = failure_of(ServerError("unhandled"))
        return await render(request, failure)

    return errors
