"""Options of the commands that speak to an issuer as a client: which issuer, and who we are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from valetkey.cli.credentials import Credentials
from valetkey.cli.option import Decorated
from valetkey.cli.secret_input import read_secret, secret_path
from valetkey.core.client.client import AuthenticationMethod
from valetkey.runtime.settings.environment import configured_issuer
from valetkey.runtime.settings.types import issuer as issuer_parser


def _parse(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else issuer_parser.parse(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}", param=parameter) from error


def _parse_or_configured(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    text = value or configured_issuer()
    if not text:
        raise click.MissingParameter("VALETKEY_ISSUER would do as well.", context, parameter)
    return _parse(context, parameter, text)


def issuer_option(command: Decorated) -> Decorated:
    """``--issuer``, or what the settings say."""
    return click.option(
        "--issuer",
        metavar="URL",
        callback=_parse_or_configured,
        help="Issuer to speak to; VALETKEY_ISSUER unless given.",
    )(command)


def optional_issuer_option(command: Decorated) -> Decorated:
    """``--issuer`` for a command that makes no request without it."""
    return click.option(
        "--issuer", metavar="URL", callback=_parse, help="Ask this issuer for its keys and check the signature."
    )(command)


def client_options(
    auth_method: AuthenticationMethod = AuthenticationMethod.BASIC,
) -> Callable[[Decorated], Decorated]:
    """``--client-id``, how it authenticates unless told, and where its secret comes from."""
    options = (
        click.option("--client-id", required=True, metavar="ID", help="Client to act as."),
        click.option(
            "--auth-method",
            type=click.Choice([method.value for method in AuthenticationMethod]),
            default=auth_method.value,
            show_default=True,
            help="How the client is registered to authenticate; none for a public client.",
        ),
        click.option(
            "--client-secret-file",
            type=secret_path(exists=True),
            help="File that holds the client secret; - is standard input. Asked for unless given.",
        ),
    )

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def read_credentials(client_id: str, auth_method: str, client_secret_file: Path | None) -> Credentials:
    """Who the options say we are; asks for the secret where it is in no file."""
    method = AuthenticationMethod(auth_method)
    if method is not AuthenticationMethod.NONE:
        return Credentials(
            client_id, method, read_secret(client_secret_file, what="client secret", option="--client-secret-file")
        )
    if client_secret_file is not None:
        raise click.UsageError("A public client has no secret: drop --client-secret-file.")
    return Credentials(client_id, method)
