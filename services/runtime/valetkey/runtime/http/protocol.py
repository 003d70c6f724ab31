"""What happens below the application: bytes that are not HTTP, and faults of the renderer itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.core.errors import InvalidRequest, OAuthError, ServerError
from valetkey.runtime.http.listener import keep_newcomers_out, let_in
from valetkey.runtime.http.observe import TRACE_HEADER
from valetkey.runtime.http.responses import no_store_json
from valetkey.runtime.http.security_headers import EVERYWHERE
from valetkey.runtime.metrics import HTTP_MALFORMED
from valetkey.runtime.telemetry import begin_trace, current_trace_id

if TYPE_CHECKING:
    import asyncio
    import socket

    from aiohttp.web_request import BaseRequest

_LOG = logging.getLogger("valetkey.http")
_SERVER_ERROR = 500


class Protocol(web.RequestHandler):
    """Answers what cannot be parsed without repeating any of it, to the sender or to the log."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client was accepted, perhaps the last one."""
        if isinstance(self._manager, Server) and self._manager.keeps_newcomers_out:
            let_in(transport)
        super().connection_made(transport)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = _SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes the bytes that were sent
    ) -> web.StreamResponse:
        """A bare answer that closes the connection."""
        trace_id = current_trace_id() or begin_trace().trace_id
        if status == _SERVER_ERROR:
            _LOG.error("an error could not be rendered", exc_info=exc)
        else:
            HTTP_MALFORMED.add()
            _LOG.debug("malformed request", extra={"error": type(exc).__name__})
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer has been sent")
        error: type[OAuthError] = ServerError if status >= _SERVER_ERROR else InvalidRequest
        payload = {"error": error.error, "error_description": error.description, "reference": trace_id}
        response = no_store_json(payload, status=status, headers={TRACE_HEADER: trace_id})
        response.headers.update(EVERYWHERE)
        response.force_close()
        return response


class Server(web.Server):
    """Makes a ``Protocol`` for each connection."""

    keeps_newcomers_out = False

    def __call__(self) -> Protocol:
        """The protocol of a new connection."""
        return Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on ``Server``."""

    async def keep_newcomers_out(self, port: socket.socket) -> None:
        """Accept no connection at this port that has not begun, and let the others arrive."""
        if isinstance(self.server, Server):
            self.server.keeps_newcomers_out = True
        await keep_newcomers_out(port)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        # aiohttp offers no public way to choose the protocol of an application.
        options = made._kwargs  # noqa: SLF001
        return Server(made.request_handler, request_factory=made.request_factory, loop=made._loop, **options)  # noqa: SLF001
