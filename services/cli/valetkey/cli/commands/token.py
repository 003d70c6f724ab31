"""``valetkey token``: what a client does at an issuer, and what a token says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valetkey.cli.credentials import Credentials
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.issuer_option import client_options, issuer_option, optional_issuer_option, read_credentials
from valetkey.cli.option import Decorated, example, output_option, scope_option
from valetkey.cli.output import Output, say
from valetkey.cli.secret_input import STDIN, read_secret, secret_path
from valetkey.cli.token_reading import TokenKind, TokenReading, explained_claims, read_token, verify_reading
from valetkey.core.client.client import GrantType
from valetkey.core.oauth.scope import format_scope
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from valetkey.core.jose.verify_own import KeySet

_HINTS = ("access_token", "refresh_token")


def _token_option(command: Decorated) -> Decorated:
    return click.option(
        "--token-file",
        type=secret_path(exists=True),
        help="File that holds the token; - is standard input. Asked for unless given.",
    )(command)


@click.group("token", epilog=example("valetkey token inspect --token-file token.jwt"))
def command() -> None:
    """Get, inspect and revoke tokens, as clients do."""


@command.command(
    "client-credentials",
    epilog=example("valetkey token client-credentials --client-id machine --scope reports:read -o json"),
)
@issuer_option
@client_options()
@scope_option("Scope to ask for")
@click.option("--resource", "resources", multiple=True, metavar="URI", help="Resource server it is for (RFC 8707).")
@output_option
def client_credentials(
    issuer: str,
    client_id: str,
    auth_method: str,
    client_secret_file: Path | None,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    output: Output,
) -> None:
    """Get an access token for a client that acts for itself. OAuth 2.1 §4.2."""
    credentials = read_credentials(client_id, auth_method, client_secret_file)
    fields = [("grant_type", GrantType.CLIENT_CREDENTIALS.value), *(("resource", uri) for uri in resources)]
    if scope:
        fields.append(("scope", format_scope(scope)))
    output.one(asyncio.run(_post(issuer, "token_endpoint", fields, credentials)))


@command.command(
    "introspect",
    epilog=example("valetkey token introspect --client-id api --client-secret-file api.secret --token-file -"),
)
@issuer_option
@client_options()
@_token_option
@output_option
@click.pass_context
def introspect(
    context: click.Context,
    issuer: str,
    client_id: str,
    auth_method: str,
    client_secret_file: Path | None,
    token_file: Path | None,
    output: Output,
) -> None:
    """Ask the issuer whether a token is good, as a resource server does. RFC 7662.

    Exits with 1 where it is not.
    """
    _require_one_stdin(client_secret_file, token_file)
    credentials = read_credentials(client_id, auth_method, client_secret_file)
    fields = [("token", read_secret(token_file, what="token", option="--token-file"))]
    answer = asyncio.run(_post(issuer, "introspection_endpoint", fields, credentials))
    output.one(answer if output.is_json else explained_claims(answer, system_clock()))
    context.exit(ExitCode.OK if answer.get("active") is True else ExitCode.REFUSED)


@command.command("revoke", epilog=example("valetkey token revoke --client-id web --token-file refresh.token"))
@issuer_option
@client_options()
@_token_option
@click.option("--hint", type=click.Choice(_HINTS), help="What kind of token it is; only saves the issuer a look.")
def revoke(
    issuer: str,
    client_id: str,
    auth_method: str,
    client_secret_file: Path | None,
    token_file: Path | None,
    hint: str | None,
) -> None:
    """Revoke a token of this client. RFC 7009. An unknown token is no failure."""
    _require_one_stdin(client_secret_file, token_file)
    credentials = read_credentials(client_id, auth_method, client_secret_file)
    fields = [("token", read_secret(token_file, what="token", option="--token-file"))]
    if hint is not None:
        fields.append(("token_type_hint", hint))
    asyncio.run(_post(issuer, "revocation_endpoint", fields, credentials))
    say("The token is revoked, or was not this client's to begin with.")


@command.command(
    "inspect",
    epilog=example(
        "valetkey token inspect --token-file token.jwt --issuer https://id.example.com",
        "valetkey token inspect --token-file - < token.jwt",
    ),
)
@optional_issuer_option
@_token_option
@output_option
@click.pass_context
def inspect(context: click.Context, issuer: str | None, token_file: Path | None, output: Output) -> None:
    """Take a token apart and explain it; with --issuer also check it.

    Nothing leaves this machine but the question for the issuer's keys. Exits with 1 where the token does not hold.
    """
    token = read_secret(token_file, what="token", option="--token-file")
    reading = read_token(token)
    if issuer is not None:
        reading = verify_reading(token, reading, asyncio.run(_key_set(issuer)), issuer, system_clock())
    if output.is_json:
        output.one(_reading_record(reading))
    else:
        output.one({"kind": reading.kind, **{f"header.{name}": value for name, value in reading.header.items()}})
        output.one(explained_claims(reading.claims, system_clock()))
        say(_verdict(reading))
    context.exit(ExitCode.REFUSED if reading.problems else ExitCode.OK)


async def _post(
    issuer: str, endpoint: str, fields: Sequence[tuple[str, str]], credentials: Credentials
) -> dict[str, object]:
    from valetkey.cli.issuer_client import IssuerClient

    async with IssuerClient(issuer) as client:
        return await client.post(endpoint, fields, credentials)


async def _key_set(issuer: str) -> KeySet:
    from valetkey.cli.issuer_client import IssuerClient

    async with IssuerClient(issuer) as client:
        return await client.key_set()


def _require_one_stdin(*paths: Path | None) -> None:
    if paths.count(STDIN) > 1:
        raise click.UsageError("Only one secret can come from standard input; put the other into a file.")


def _reading_record(reading: TokenReading) -> dict[str, object]:
    return {
        "kind": reading.kind,
        "header": reading.header,
        "claims": reading.claims,
        "verified": reading.is_verified and not reading.problems,
        "problems": reading.problems,
    }


def _verdict(reading: TokenReading) -> str:
    if reading.problems:
        return "Do not believe it: " + "; ".join(reading.problems) + "."
    if reading.is_verified:
        return "Signed by the issuer and not expired. Whether it is revoked, `valetkey token introspect` knows."
    if reading.kind is TokenKind.REFRESH_TOKEN:
        return "A refresh token: opaque to everybody but the issuer."
    return "Nothing has been checked; give --issuer to check the signature."
