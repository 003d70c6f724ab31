"""Every failure that no client can be told about, as a page: bad requests, unknown addresses, outages, faults."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.pages.shown_error import ShownError
from valetkey.runtime.http.errors import ERROR_TYPE, Failure, FailureRenderer
from valetkey.runtime.telemetry.tracing import current_trace_id

_LOG = logging.getLogger("valetkey.authorize")


def failure_renderer(pages: Pages) -> FailureRenderer:
    """Shows what ``runtime.http.errors`` has decided, in the words for its status."""

    async def render(_request: web.Request, failure: Failure) -> web.StreamResponse:
        html = pages.error_status(failure.status, reference=failure.reference)
        return page_response(html, status=failure.status, headers=failure.headers)

    return render


def shown_errors_middleware(pages: Pages) -> Middleware:
    """Shows ``ShownError``s, and logs their reasons."""

    @web.middleware
    async def shown_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ShownError as error:
            kind = type(error).__name__
            request[ERROR_TYPE] = kind
            _LOG.log(error.log_level, "refused", extra={"error": kind, "reason": error.reason, "path": request.path})
            return shown_page(pages, error)

    return shown_errors


def shown_page(pages: Pages, error: ShownError) -> web.Response:
    """The page of a ``ShownError``."""
    html = pages.error(error.page, reference=current_trace_id())
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return page_response(html, status=error.page.status, headers=headers)
