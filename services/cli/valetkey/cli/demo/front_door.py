"""One front door on one port: sends each path to the service that serves it, as an ingress would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, web
from multidict import CIMultiDict
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

# The first path segment below the issuer, and who serves it; whatever is not here goes to the pages.
ROUTES: Mapping[str, str] = {
    "authorize": "authorize",
    "login": "authorize",
    "select-account": "authorize",
    "consent": "authorize",
    "logout": "authorize",
    "static": "authorize",
    "token": "token",
    "revoke": "token",
    "introspect": "introspection",
    "userinfo": "introspection",
    "jwks": "introspection",
    ".well-known": "introspection",
}
FALLBACK = "authorize"
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
    """Where each service listens, by name, and the path below which the issuer lives."""

    upstreams: Mapping[str, str]
    issuer_path: str

    def upstream(self, path: str) -> str:
        """The base URL of the service for a raw request path. Well-known documents may precede the issuer's path."""
        below = path.removeprefix(self.issuer_path) if path.startswith(f"{self.issuer_path}/") else path
        segment = below.lstrip("/").partition("?")[0].partition("/")[0]
        return self.upstreams[ROUTES.get(segment, FALLBACK)]


def create_front_door(door: FrontDoor) -> web.Application:
    """The application that listens where the issuer says."""

    async def session(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=_TIMEOUT, cookie_jar=DummyCookieJar(), auto_decompress=False) as opened:
            app[_SESSION] = opened
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        url = URL(door.upstream(request.raw_path) + request.raw_path, encoded=True)
        try:
            async with request.app[_SESSION].request(
                request.method,
                url,
                headers=_request_headers(request),
                data=await request.read() if request.body_exists else None,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return web.Response(status=answer.status, headers=_response_headers(answer.headers), body=body)
        except (ClientError, TimeoutError):
            return web.Response(status=502, text="The service behind this address did not answer.\n")

    app = web.Application(client_max_size=_MAX_BODY)
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


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
