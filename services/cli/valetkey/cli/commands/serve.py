"""``valetkey serve``: one service in the foreground, as its own program would run it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from valetkey.cli.failure import Failure
from valetkey.cli.option import example
from valetkey.cli.workers_option import workers_option

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.runtime.settings.settings import Service, Settings
    from valetkey.runtime.telemetry.tracing import Tracing


@click.group("serve", epilog=example("valetkey serve token"))
def command() -> None:
    """Run one service until SIGTERM or Ctrl-C."""


@command.command("authorize", epilog=example("valetkey serve authorize"))
@workers_option
def authorize(workers: int | None) -> None:
    """Run the service that talks to browsers: /authorize, /login, /consent, /logout."""
    try:
        from valetkey.authorize.app import create_authorize
    except ModuleNotFoundError as error:
        raise _not_installed("authorize", error) from error
    _serve("authorize", create_authorize, workers)


@command.command(
    "token", epilog=example("VALETKEY_PORT=8081 valetkey serve token", "valetkey serve token --workers auto")
)
@workers_option
def token(workers: int | None) -> None:
    """Run the service that talks to clients: /token, /revoke."""
    try:
        from valetkey.token.app import create_token
    except ModuleNotFoundError as error:
        raise _not_installed("token", error) from error
    _serve("token", create_token, workers)


@command.command("introspection", epilog=example("VALETKEY_PORT=8082 valetkey serve introspection"))
@workers_option
def introspection(workers: int | None) -> None:
    """Run the service that talks to resource servers: /introspect, /userinfo, /jwks and metadata."""
    try:
        from valetkey.introspection.app import create_introspection
    except ModuleNotFoundError as error:
        raise _not_installed("introspection", error) from error
    _serve("introspection", create_introspection, workers)


def _serve(service: Service, create: Callable[[Settings, Tracing], web.Application], workers: int | None) -> None:
    from valetkey.runtime.http.server import serve

    sys.exit(serve(service, create, workers=workers))


def _not_installed(service: str, error: ModuleNotFoundError) -> Failure:
    return Failure(
        f"The service {service} is not installed here ({error.name} is missing): install valetkey-cli[serve]."
    )
