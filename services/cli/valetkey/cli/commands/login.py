"""``valetkey login``: a whole login, from the terminal through the browser and back."""

from __future__ import annotations

import asyncio
import webbrowser
from datetime import timedelta
from pathlib import Path

import click

from valetkey.cli.duration import Duration
from valetkey.cli.issuer_option import client_options, issuer_option, read_credentials
from valetkey.cli.option import example, output_option, scope_option
from valetkey.cli.output import Output, say
from valetkey.cli.token_reading import explained_claims, read_token
from valetkey.core.client.client import AuthenticationMethod
from valetkey.core.oauth.scope import OPENID
from valetkey.core.oauth.server_metadata import PROMPTS
from valetkey.runtime.lifecycle.clock import system_clock

_HIGHEST_PORT = 65535


@click.command(
    "login",
    epilog=example(
        "valetkey login --client-id native --scope openid --scope profile",
        "valetkey login --client-id native --no-browser -o json",
    ),
)
@issuer_option
@client_options(AuthenticationMethod.NONE)
@scope_option("Scope to ask for", default=OPENID)
@click.option("--resource", "resources", multiple=True, metavar="URI", help="Resource server it is for (RFC 8707).")
@click.option("--prompt", type=click.Choice(PROMPTS), help="What the issuer must or must not ask the user.")
@click.option("--login-hint", metavar="NAME", help="Whom to sign in.")
@click.option(
    "--port", type=click.IntRange(0, _HIGHEST_PORT), default=0, help="Loopback port to come back to; 0 is a free one."
)
@click.option("--redirect-path", default="/callback", show_default=True, help="Path of the loopback redirect URI.")
@click.option("--no-browser", is_flag=True, help="Only print the address, to be opened by hand.")
@click.option(
    "--timeout",
    "limit",
    type=Duration(timedelta(hours=1)),
    default="5m",
    show_default=True,
    help="How long to wait.",
)
@output_option
def command(  # noqa: PLR0913 - one parameter per option
    *,
    issuer: str,
    client_id: str,
    auth_method: str,
    client_secret_file: Path | None,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    prompt: str | None,
    login_hint: str | None,
    port: int,
    redirect_path: str,
    no_browser: bool,
    limit: timedelta,
    output: Output,
) -> None:
    """Log in through the browser and print the tokens.

    Authorization code with PKCE, as a native application does it.

    The client must be registered with the redirect URI http://127.0.0.1/callback; the port does not matter.
    """
    if not redirect_path.startswith("/") or "?" in redirect_path or "#" in redirect_path or "{" in redirect_path:
        raise click.BadParameter("must be a plain path that begins with /", param_hint="--redirect-path")
    credentials = read_credentials(client_id, auth_method, client_secret_file)

    async def run() -> dict[str, object]:
        from valetkey.cli.authorization_code_login import LoginRequest, log_in
        from valetkey.cli.issuer_client import IssuerClient
        from valetkey.cli.loopback_redirect import loopback_redirect

        request = LoginRequest(scope, resources, prompt, login_hint)
        async with IssuerClient(issuer) as client, loopback_redirect(redirect_path, port, _tell_stray) as redirect:
            show = _print if no_browser else _open
            return await log_in(client, credentials, request, redirect, show, limit, system_clock)

    _answer(asyncio.run(run()), output)


def _tell_stray() -> None:
    say("Something else than the answer of this login came to the loopback port; it is ignored, and the wait goes on.")


def _print(url: str) -> None:
    say("Open this address in a browser on this machine:", url)


def _open(url: str) -> None:
    if webbrowser.open(url):
        say("The login goes on in the browser.")
    else:
        _print(url)


def _answer(tokens: dict[str, object], output: Output) -> None:
    output.one(tokens)
    if not output.is_json and isinstance(token := tokens.get("id_token"), str):
        say("", "The ID token says:")
        output.one(explained_claims(read_token(token).claims, system_clock()))
