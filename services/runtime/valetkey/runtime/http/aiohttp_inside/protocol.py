"""What happens below the application: bytes that are not HTTP, and faults of the renderer itself."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import _ErrInfo

from valetkey.core.oauth.errors import InvalidRequest, OAuthError, ServerError
from valetkey.runtime.http.address import TRUSTED_PROXIES
from valetkey.runtime.http.forms import BODY_TIMEOUT
from valetkey.runtime.http.limits.connection_limit import (
    CONNECTIONS_PER_ADDRESS,
    MAX_CONNECTIONS,
    MOST,
    AddressShares,
    Refusal,
    Refusals,
    bound_send_buffer,
)
from valetkey.runtime.http.listener import let_in, stop_accepting
from valetkey.runtime.http.observe import TRACE_HEADER
from valetkey.runtime.http.responses import no_store_json
from valetkey.runtime.http.security_headers import EVERYWHERE
from valetkey.runtime.telemetry.metrics import HTTP_MALFORMED
from valetkey.runtime.telemetry.tracing import begin_trace, current_trace_id

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Awaitable, Callable, Coroutine

    from aiohttp.web_request import BaseRequest

_LOG = logging.getLogger("valetkey.http")
_SERVER_ERROR = 500
_EXPECTATION_FAILED = 417
# Of an application that says nothing of it. Seconds.
_READING_TIMEOUT = 10.0


class Protocol(web.RequestHandler):
    """Answers what cannot be parsed without repeating any of it, to the sender or to the log."""

    __slots__ = ("_giving_up", "_reading_timeout", "_share")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client was accepted, perhaps the last one; or one of an address that holds as many as it may."""
        self._giving_up: asyncio.TimerHandle | None = None
        server = cast("Server", self._manager)
        server.arriving -= 1
        share = server.shares.take(transport)
        if share is None:
            server.refuse(transport)
            return
        self._share = share
        self._reading_timeout = server.reading_timeout
        bound_send_buffer(transport)
        if server.keeps_newcomers_out:
            let_in(transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Something was sent. Of what cannot be parsed nothing is kept, though the parser quotes it at length."""
        super().data_received(data)
        if self._messages:
            refused, payload = self._messages[-1]
            if isinstance(refused, _ErrInfo):
                self._messages[-1] = (_ErrInfo(refused.status, BadHttpMessage(""), ""), payload)
        if self._message_tail:
            # Another protocol was asked for and its first bytes are here. We speak none: see ``_then_close``.
            self._message_tail = b""

    def pause_writing(self) -> None:
        """The client does not read what it asked for: it has so long to go on."""
        super().pause_writing()
        if self.transport is not None:
            self._giving_up = self._loop.call_later(self._reading_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._stay()
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        self._stay()
        self._share.give_back()
        super().connection_lost(exc)

    async def start(self) -> None:
        """Serve until the connection is closed, which waits for the client to read the rest: for so long."""
        transport = self.transport
        try:
            await super().start()
        finally:
            if transport is not None and _has_unsent(transport):
                self._loop.call_later(self._reading_timeout, transport.abort)

    def _handle_request(
        self,
        request: BaseRequest,
        start_time: float | None,
        request_handler: Callable[[BaseRequest], Awaitable[web.StreamResponse]],
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        # aiohttp refuses an expectation before any middleware sees the request, in words that repeat it.
        expectation = request.headers.get("Expect")
        if expectation is not None and expectation.lower() != "100-continue":
            request_handler = self._refuse_expectation
        if "Upgrade" in request.headers:
            request_handler = partial(_then_close, request_handler)
        return super()._handle_request(request, start_time, request_handler)

    async def _refuse_expectation(self, request: BaseRequest) -> web.StreamResponse:
        return self.handle_error(request, _EXPECTATION_FAILED)

    def _stay(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

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


def _has_unsent(transport: asyncio.Transport) -> bool:
    try:
        return transport.get_write_buffer_size() > 0
    except AttributeError:
        # asyncio's transport of a TLS connection has forgotten what it wrote to once it is closed twice.
        return False


async def _then_close(
    request_handler: Callable[[BaseRequest], Awaitable[web.StreamResponse]], request: BaseRequest
) -> web.StreamResponse:
    """Ignore that another protocol is asked for, and say that the connection ends with this answer. RFC 9110 §7.8.

    The request is served whole, whenever its body comes: Java's client asks for h2c with each request over cleartext.
    aiohttp's parser stops at its end, so that a request which follows in the same segment would be lost.
    """
    response = await request_handler(request)
    response.force_close()
    return response


class Server(web.Server):
    """Makes a ``Protocol`` for each connection, up to so many in all and by ``shares`` of one address.

    ``reading_timeout`` is in seconds.
    """

    def __init__(
        self, made: web.Server, *, max_connections: int, shares: AddressShares, reading_timeout: float
    ) -> None:
        options = made._kwargs  # noqa: SLF001 - aiohttp offers no public way to choose the protocol of an application
        super().__init__(made.request_handler, request_factory=made.request_factory, loop=made._loop, **options)  # noqa: SLF001
        self.keeps_newcomers_out = False
        self.reading_timeout = reading_timeout
        self.arriving = 0
        self.shares = shares
        self._max_connections = max_connections
        self._refusals = Refusals()

    def __call__(self) -> Protocol | Refusal:  # type: ignore[override]
        """The protocol of a new connection."""
        # Many may be accepted before the first of them is told that it is there.
        if len(self._connections) + self.arriving >= self._max_connections:
            return self._refusals.make("connections")
        self.arriving += 1
        return Protocol(self, loop=self._loop, **self._kwargs)

    def refuse(self, transport: asyncio.BaseTransport) -> None:
        """Turn away a connection whose address is known by now, and holds as many as it may."""
        refusal = self._refusals.make("address_connections")
        transport.set_protocol(refusal)
        refusal.connection_made(transport)


class Runner(web.AppRunner):
    """Runs an application on ``Server``."""

    async def stop_accepting(self, port: socket.socket) -> None:
        """Accept no connection at this port that has not begun, and let the others arrive."""
        if isinstance(self.server, Server):
            self.server.keeps_newcomers_out = True
        await stop_accepting(port)

    async def _make_server(self) -> web.Server:
        app = self.app
        most = app.get(MAX_CONNECTIONS, MOST)
        return Server(
            await super()._make_server(),
            max_connections=most,
            shares=AddressShares(app.get(CONNECTIONS_PER_ADDRESS, most), app.get(TRUSTED_PROXIES, ())),
            reading_timeout=app.get(BODY_TIMEOUT, _READING_TIMEOUT),
        )
