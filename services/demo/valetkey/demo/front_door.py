"""One front door on one port: sends each path to the service that serves it, as an ingress would.

It is as strict about what reaches it as the services are, for no other proxy is in front of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, web
from multidict import CIMultiDict
from yarl import URL

from valetkey.core.routes import service_of
from valetkey.runtime.http.app import connection_limits
from valetkey.runtime.http.errors import errors_middleware, render_json
from valetkey.runtime.http.forms import BODY_TIMEOUT, read_body
from valetkey.runtime.http.security_headers import security_headers_middleware
from valetkey.runtime.telemetry.tracing import begin_trace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length",
    }
)  # fmt: skip
_NOT_BELIEVED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
_TIMEOUT = ClientTimeout(total=30)
_SESSION = web.AppKey("session", ClientSession)
_MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Where each service listens, by name, and the path below which the issuer lives.

    ``is_https``: browsers come by https.
    """

    upstreams: Mapping[str, str]
    issuer_path: str
    is_https: bool = False

    def upstream(self, path: str) -> str:
        """The base URL of the service for a raw request path."""
        return self.upstreams[service_of(path, self.issuer_path)]


def create_front_door(door: FrontDoor, *, body_timeout: float = 10.0, idle_timeout: float = 75.0) -> web.Application:
    """The application that listens where the issuer says. Timeouts in seconds."""

    async def session(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=_TIMEOUT, cookie_jar=DummyCookieJar(), auto_decompress=False) as opened:
            app[_SESSION] = opened
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        begin_trace()
        target = _origin_form(request.raw_path)
        url = URL(door.upstream(target) + target, encoded=True)
        try:
            async with request.app[_SESSION].request(
                request.method,
                url,
                headers=_request_headers(request),
                data=await read_body(request) if request.body_exists else None,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return web.Response(status=answer.status, headers=_response_headers(answer.headers), body=body)
        except (ClientError, TimeoutError):
            return web.Response(status=502, text="The service behind this address did not answer.\n")

    app = web.Application(
        middlewares=[security_headers_middleware(https=door.is_https), errors_middleware(render_json)],
        client_max_size=_MAX_BODY,
        handler_args=connection_limits(idle_timeout),
    )
    app[BODY_TIMEOUT] = body_timeout
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


def _origin_form(target: str) -> str:
    """Path and query of a request target; the host of the absolute form is not believed. RFC 9112 §3.2.2."""
    if target.startswith("/"):
        return target
    path = target.partition("://")[2].partition("/")[2]
    return f"/{path}"


def _request_headers(request: web.Request) -> CIMultiDict[str]:
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in _NOT_BELIEVED
    )
    headers["X-Forwarded-For"] = request.remote or ""
    return headers


def _response_headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)
