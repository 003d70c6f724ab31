"""Handlers and the table of routes: each has the other, or the application does not start."""

from collections.abc import Callable

import pytest
from aiohttp import web

from support.system import test_settings as settings_of
from valetkey.authorize.app import create_authorize
from valetkey.core.routes import JWKS, REVOKE, ROUTES, TOKEN
from valetkey.introspection.app import create_introspection
from valetkey.runtime.http.routing import Handlers, cross_origin, public_routes
from valetkey.runtime.settings.settings import Settings
from valetkey.token.app import create_token

APPLICATIONS: dict[str, Callable[[Settings], web.Application]] = {
    "authorize": create_authorize,
    "token": create_token,
    "introspection": create_introspection,
}


async def answer(_request: web.Request) -> web.Response:
    return web.Response()


def test_every_service_of_the_table_is_an_application() -> None:
    assert APPLICATIONS.keys() == {route.service for route in ROUTES}


@pytest.mark.parametrize("base", ["", "/tenant/one"])
@pytest.mark.parametrize("service", APPLICATIONS)
def test_an_application_has_exactly_the_routes_of_the_table(service: str, base: str) -> None:
    settings = settings_of(f"https://id.example{base}", "postgresql://nowhere/none", "redis://nowhere:1/0")

    app = APPLICATIONS[service](settings)

    served = sorted((route.resource.canonical, route.method) for route in app.router.routes() if route.resource)
    assert served == sorted(
        (path, method)
        for route in ROUTES
        if route.service == service
        for path in route.paths(base)
        for method in route.methods
    )


@pytest.mark.parametrize(
    ("handlers", "words"),
    [
        ({TOKEN: answer}, "/revoke"),
        ({TOKEN: answer, REVOKE: answer, JWKS: answer}, "/jwks"),
        ({TOKEN: answer, REVOKE: {"GET": answer}}, "/revoke answers POST, its handlers GET"),
        ({TOKEN: answer, REVOKE: {"GET": answer, "POST": answer}}, "/revoke answers POST, its handlers GET, POST"),
        ({TOKEN: answer, REVOKE: {}}, "/revoke answers POST"),
    ],
    ids=["a route too few", "a route too many", "another method", "a method too many", "a method too few"],
)
def test_a_route_without_a_handler_or_a_handler_without_a_route_is_refused(handlers: Handlers, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        public_routes("token", "", handlers)


def test_scripts_of_any_origin_may_call_the_places_that_the_table_names() -> None:
    assert cross_origin("authorize", "/tenant") == {}
    assert cross_origin("token", "/tenant") == {"/tenant/token": ("POST",), "/tenant/revoke": ("POST",)}
    assert cross_origin("introspection", "/tenant") == {
        "/tenant/userinfo": ("GET", "HEAD", "POST"),
        "/tenant/jwks": ("GET", "HEAD"),
        "/.well-known/oauth-authorization-server/tenant": ("GET", "HEAD"),
        "/tenant/.well-known/oauth-authorization-server": ("GET", "HEAD"),
        "/.well-known/openid-configuration/tenant": ("GET", "HEAD"),
        "/tenant/.well-known/openid-configuration": ("GET", "HEAD"),
    }
