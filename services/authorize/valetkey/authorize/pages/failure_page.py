"""Every failure that no client can be told about, as a page: bad requests, unknown addresses, outages, faults."""

import logging
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.authorize.pages.error_words import error_page
from valetkey.authorize.pages.models import ErrorPage
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.pages.shown_error import ShownError
from valetkey.core.client.client import Client
from valetkey.runtime.http.errors import ERROR_TYPE, Failure, FailureRenderer
from valetkey.runtime.telemetry.tracing import current_trace_id

# Who sent the browser here, as soon as that is known: so that a page of a failure is no dead end.
CLIENT = web.RequestKey("client", Client)
_LOG = logging.getLogger("valetkey.authorize")


def failure_renderer(pages: Pages) -> FailureRenderer:
    """Shows what ``runtime.http.errors`` has decided, in the words for its status."""

    async def render(request: web.Request, failure: Failure) -> web.StreamResponse:
        page = error_page(failure.status, failure.description if failure.is_explained else None)
        html = pages.error(_with_way_back(page, request.get(CLIENT)), reference=failure.reference)
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
            return shown_page(pages, error, request.get(CLIENT))

    return shown_errors


def shown_page(pages: Pages, error: ShownError, client: Client | None = None) -> web.Response:
    """The page of a ``ShownError``, with the way back to ``client`` where it is known."""
    html = pages.error(_with_way_back(error.page, client), reference=current_trace_id())
    return page_response(html, status=error.page.status, retry_after=error.retry_after)


def _with_way_back(page: ErrorPage, client: Client | None) -> ErrorPage:
    if client is None or client.client_uri is None:
        return page
    return replace(page, client_name=client.client_name, client_uri=client.client_uri)
