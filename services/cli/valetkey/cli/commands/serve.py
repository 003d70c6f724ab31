"""``valetkey serve``: one service in the foreground, or all as one process, as its own program would run it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from valetkey.cli.failure import Failure
from valetkey.cli.option import example

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.runtime.settings.settings import Service, Settings
    from valetkey.runtime.telemetry.tracing import Tracing


def _checked(_context: click.Context, _parameter: click.Parameter, is_given: bool) -> bool:  # noqa: FBT001 - click's
    from valetkey.runtime.settings.types import reuse_port

    try:
        return is_given and reuse_port.parse("true")
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


_reuse_port_option = click.option(
    "--reuse-port",
    is_flag=True,
    callback=_checked,
    help="Let other processes of this user listen on the port too, each with a management port of its own. "
    "VALETKEY_REUSE_PORT says the same. Linux only.",
)


@click.group("serve", epilog=example("valetkey serve token"))
def command() -> None:
    """Run one service, or all in one process, until SIGTERM or Ctrl-C."""


@command.command("authorize", epilog=example("valetkey serve authorize"))
@_reuse_port_option
def authorize(*, reuse_port: bool) -> None:
    """Run the service that talks to browsers: /authorize, /login, /consent, /logout."""
    try:
        from valetkey.authorize.app import create_authorize
    except ModuleNotFoundError as error:
        raise _not_installed("authorize", error) from error
    _serve("authorize", create_authorize, reuse_port=reuse_port)


@command.command(
    "token", epilog=example("VALETKEY_PORT=8081 valetkey serve token", "valetkey serve token --reuse-port")
)
@_reuse_port_option
def token(*, reuse_port: bool) -> None:
    """Run the service that talks to clients: /token, /revoke."""
    try:
        from valetkey.token.app import create_token
    except ModuleNotFoundError as error:
        raise _not_installed("token", error) from error
    _serve("token", create_token, reuse_port=reuse_port)


@command.command("introspection", epilog=example("VALETKEY_PORT=8082 valetkey serve introspection"))
@_reuse_port_option
def introspection(*, reuse_port: bool) -> None:
    """Run the service that talks to resource servers: /introspect, /userinfo, /jwks and metadata."""
    try:
        from valetkey.introspection.app import create_introspection
    except ModuleNotFoundError as error:
        raise _not_installed("introspection", error) from error
    _serve("introspection", create_introspection, reuse_port=reuse_port)


@command.command("mailer", epilog=example("VALETKEY_MANAGEMENT_PORT=9093 valetkey serve mailer"))
def mailer() -> None:
    """Run the worker that sends mail; it has a management port alone, and may run several times."""
    try:
        from valetkey.mailer.app import create_mailer
    except ModuleNotFoundError as error:
        raise _not_installed("mailer", error) from error
    _serve("mailer", create_mailer, public=False)


@command.command("all", epilog=example("valetkey serve all"))
@_reuse_port_option
def all_(*, reuse_port: bool) -> None:
    """Run every service in one process, for small places: every path on one port; mailer where mail is configured."""
    try:
        from valetkey.compact.app import create_compact
    except ModuleNotFoundError as error:
        raise _not_installed("compact", error) from error
    _serve("compact", create_compact, reuse_port=reuse_port)


def _serve(
    service: Service,
    create: Callable[[Settings, Tracing], web.Application],
    *,
    reuse_port: bool = False,
    public: bool = True,
) -> None:
    from valetkey.runtime.http.server import serve

    sys.exit(serve(service, create, reuse_port=reuse_port, public=public))


def _not_installed(service: str, error: ModuleNotFoundError) -> Failure:
    return Failure(
        f"The service {service} is not installed here ({error.name} is missing): install valetkey-cli[serve]."
    )
