"""aiohttp: every route needs a valid access token unless it says that it is public."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.bearer import error_body, error_headers, read_bearer_token, require_realm
from valetkey.resource_server.error import BearerError, InvalidRequest
from valetkey.resource_server.protection import Protection

_LOG = logging.getLogger(__name__)
_PUBLIC = "__valetkey_public__"

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the request brought, and what can say more about it."""

    protection: Protection
    token: str = field(repr=False)


ACCESS_TOKEN = web.RequestKey("ACCESS_TOKEN", AccessToken)
CREDENTIALS = web.RequestKey("CREDENTIALS", Credentials)


def public(handler: F) -> F:
    """Mark a handler, or a view class, as public."""
    setattr(handler, _PUBLIC, True)
    return handler


def is_public(request: web.Request) -> bool:
    """Whether the handler that will serve `request` is marked with `@public`."""
    return getattr(request.match_info.handler, _PUBLIC, False) is True


def bearer_middleware(
    protection: Protection, *, realm: str | None = None, is_open: Callable[[web.Request], bool] = is_public
) -> Middleware:
    """Puts a verified `request[ACCESS_TOKEN]` before each handler, or refuses. RFC 6750 §2.1, §3.

    `realm` is the audience unless given. `is_open` may let more through than `@public`, such as CORS preflights.
    Raises ValueError for a realm that cannot be quoted.
    """
    quoted_realm = require_realm(protection.audience if realm is None else realm)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not is_open(request):
                token = _read_token(request)
                request[ACCESS_TOKEN] = await protection.verify(token)
                request[CREDENTIALS] = Credentials(protection, token)
            return await handler(request)
        except BearerError as error:
            _LOG.info("request refused, %s: %s", error.error or "no token", error.reason)
            return web.json_response(error_body(error), status=error.status, headers=error_headers(error, quoted_realm))

    return middleware


def protect(app: web.Application, protection: Protection, *, realm: str | None = None) -> None:
    """Add the middleware to `app`, and close the connections to the issuer when it stops."""

    async def close(_: web.Application) -> None:
        await protection.close()

    app.middlewares.append(bearer_middleware(protection, realm=realm))
    app.on_cleanup.append(close)


def _read_token(request: web.Request) -> str:
    # RFC 6750 §2.3 and OAuth 2.1 §5.1: a token in a URL ends up in logs and histories.
    if "access_token" in request.query:
        raise InvalidRequest("access token in the query")
    return read_bearer_token(request.headers.getall("Authorization", []))
