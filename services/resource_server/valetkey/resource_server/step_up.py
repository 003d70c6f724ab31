"""aiohttp: what a route demands of the login behind an access token. RFC 9470."""

import functools
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.claims import require_time
from valetkey.resource_server.clock import Clock, system_clock
from valetkey.resource_server.error import InsufficientUserAuthentication
from valetkey.resource_server.middleware import ACCESS_TOKEN
from valetkey.resource_server.scope import request_among

# RFC 9470 §3: values are divided by spaces, in a quoted string.
_ACR = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")

P = ParamSpec("P")
R = TypeVar("R")


def requires_login(
    *acr_values: str, max_age: timedelta | None = None, clock: Clock = system_clock
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """A route for tokens of a login that reached one of `acr_values`, and is no older than `max_age`. RFC 9470 §3, §4.

    The others are refused with 401 `insufficient_user_authentication` and what is demanded, with which the client asks
    the issuer for another token. A token without a user has no login. Raises ValueError where nothing is demanded, for
    what is no value, and for a `max_age` that is not at least a second.
    """
    if not (acr_values or max_age) or not all(_ACR.fullmatch(each) for each in acr_values):
        raise ValueError("name authentication context classes, each on its own, or a max_age")
    if max_age is not None and max_age < timedelta(seconds=1):
        raise ValueError("a max_age has at least a second")

    def decorate(handler: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(handler)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            request = request_among(args)
            if ACCESS_TOKEN not in request:
                raise RuntimeError("the route requires a login but bearer_middleware did not run")
            require_login(request[ACCESS_TOKEN], acr_values, max_age, clock())
            return await handler(*args, **kwargs)

        return guarded

    return decorate


def require_login(token: AccessToken, acr_values: tuple[str, ...], max_age: timedelta | None, now: datetime) -> None:
    """Raise InsufficientUserAuthentication unless the login behind the token is strong and young enough."""
    if acr_values and token.claims.get("acr") not in acr_values:
        raise InsufficientUserAuthentication("the login is not strong enough", acr_values, max_age)
    if max_age is not None and (
        "auth_time" not in token.claims or now - require_time(token.claims, "auth_time") > max_age
    ):
        raise InsufficientUserAuthentication("the login is too old", acr_values, max_age)
