"""aiohttp: what a route demands of the access token beyond being valid."""

import functools
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.error import InsufficientScope
from valetkey.resource_server.middleware import ACCESS_TOKEN, CREDENTIALS
from valetkey.resource_server.protection import agreement

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")

P = ParamSpec("P")
R = TypeVar("R")


def requires(
    *scope: str, introspect: bool = False
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """A route for tokens that carry all of `scope`. RFC 6750 §3.1 insufficient_scope.

    With `introspect` the issuer is asked as well, whatever the middleware did: for what must not happen with a
    revoked token. Raises ValueError for what is no scope; on a route without the middleware, RuntimeError.
    """
    if not (scope or introspect) or not all(_SCOPE_TOKEN.fullmatch(each) for each in scope):
        raise ValueError("name scope tokens, each on its own")
    needed = frozenset(scope)

    def decorate(handler: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(handler)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            request = request_among(args)
            if ACCESS_TOKEN not in request:
                raise RuntimeError("the route requires a scope but bearer_middleware did not run")
            _require_scope(request[ACCESS_TOKEN], needed)
            if introspect and request[CREDENTIALS].protection.mode == "jwt":
                request[ACCESS_TOKEN] = await _confirm(request)
                _require_scope(request[ACCESS_TOKEN], needed)
            return await handler(*args, **kwargs)

        return guarded

    return decorate


def _require_scope(token: AccessToken, needed: frozenset[str]) -> None:
    if not needed <= token.scope:
        raise InsufficientScope("token lacks scope", needed)


async def _confirm(request: web.Request) -> AccessToken:
    credentials = request[CREDENTIALS]
    return agreement(request[ACCESS_TOKEN], await credentials.protection.introspect(credentials.token))


def request_among(args: tuple[object, ...]) -> web.Request:
    """The request, whether the handler is a function, a method, or belongs to a view."""
    for each in args:
        if isinstance(each, web.Request):
            return each
        if isinstance(each, web.View):
            return each.request
    raise TypeError("a handler is called with a request")
