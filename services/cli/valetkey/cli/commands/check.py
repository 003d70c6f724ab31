"""``valetkey check``: use an installation as its users do."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from valetkey.cli.failure import Failure
from valetkey.cli.installation import with_installation
from valetkey.cli.issuer_option import issuer_option, read_credentials
from valetkey.cli.option import example, output_option, scope_option
from valetkey.cli.output import Output, say, write_lines
from valetkey.cli.secret_input import read_secret, secret_path
from valetkey.core.client.client import AuthenticationMethod
from valetkey.core.oauth.scope import OPENID
from valetkey.core.routes import SERVICE_OF_SEGMENT
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from valetkey.administration.installation import Installation
    from valetkey.cli.check.login import Account
    from valetkey.cli.check.step import Step

    Check = Callable[[Account], Awaitable[None]]

_NAME_WIDTH = 17


def _upstreams(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    from valetkey.cli.check.connection import ANY_SERVICE

    services = set(SERVICE_OF_SEGMENT.values())
    upstreams: dict[str, str] = {}
    for value in values:
        service, equals, url = value.partition("=") if "=" in value.partition("://")[0] else (ANY_SERVICE, "", value)
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
            raise click.BadParameter(f"{url!r} must be like http://host:8080", param=parameter)
        if (equals and service not in services) or service in upstreams:
            raise click.BadParameter(f"{value!r}: one URL, or one for each of {', '.join(sorted(services))}")
        upstreams[service] = url
    return upstreams


@click.group("check", epilog=example("valetkey check login --temporary"))
def command() -> None:
    """Use an installation as its users do."""


@command.command(
    "login",
    epilog=example(
        "valetkey check login --temporary",
        "valetkey check login --temporary --connect-to authorize=http://authorize:8080 \\\n"
        "    --connect-to token=http://token:8080 --connect-to introspection=http://introspection:8080",
        "valetkey check login --client-id probe --redirect-uri http://127.0.0.1/probe --client-secret-file secret \\\n"
        "    --username probe --password-file password -o json",
    ),
)
@issuer_option
@click.option(
    "--temporary",
    is_flag=True,
    help="Make a client and a user in PostgreSQL for this, and remove both, however it ends.",
)
@click.option("--client-id", metavar="ID", help="Client to act as; it needs the code grant.")
@click.option(
    "--auth-method",
    type=click.Choice([method.value for method in AuthenticationMethod]),
    default=AuthenticationMethod.BASIC.value,
    show_default=True,
    help="How the client is registered to authenticate; none for a public client.",
)
@click.option(
    "--client-secret-file", type=secret_path(exists=True), help="File that holds the client secret; - is stdin."
)
@click.option("--redirect-uri", metavar="URI", help="A redirect URI of the client. It is never opened.")
@scope_option("Scope to ask for", default=OPENID)
@click.option("--username", metavar="NAME", help="Whom to sign in.")
@click.option("--password-file", type=secret_path(exists=True), help="File that holds the password; - is stdin.")
@click.option(
    "--connect-to",
    "upstreams",
    multiple=True,
    metavar="[SERVICE=]URL",
    callback=_upstreams,
    help="Where to send what is meant for the issuer: one URL, or one for each of authorize, token, introspection.",
)
@output_option
def login(  # noqa: PLR0913 - one parameter per option
    *,
    issuer: str,
    temporary: bool,
    client_id: str | None,
    auth_method: str,
    client_secret_file: Path | None,
    redirect_uri: str | None,
    scope: tuple[str, ...],
    username: str | None,
    password_file: Path | None,
    upstreams: dict[str, str],
    output: Output,
) -> None:
    """Sign in through the real pages, without a browser, and check every answer.

    The steps are discovery, keys, sign-in, consent, tokens, ID token, userinfo, PKCE, refresh, introspection and
    revocation. With --temporary nothing has to be registered, but PostgreSQL and Redis must be reachable from here;
    with a client and a user that exist, only the issuer. The exit code is 1 where a step fails: the message says which,
    what its trace is called in the logs, and what to do next.
    """
    from valetkey.cli.check.connection import Connection
    from valetkey.cli.check.login import Account, LoginCheck
    from valetkey.cli.check.step import Steps

    async def check(account: Account) -> None:
        tell = _nobody if output.is_json else _tell
        async with Connection(issuer, upstreams) as connection:
            steps = Steps(connection, tell)
            ok = False
            try:
                await LoginCheck(connection, steps, account, system_clock).run()
                ok = True
            finally:
                if output.is_json:
                    output.one({"issuer": issuer, "ok": ok, "steps": [step.record() for step in steps.done]})

    given = (client_id, redirect_uri, username)
    if temporary:
        if any(given) or client_secret_file or password_file:
            raise click.UsageError("--temporary makes its own client and user: drop the other names and files.")
        _with_temporary(check)
    else:
        if not (client_id and redirect_uri and username):
            raise click.UsageError("Give --temporary, or all of --client-id, --redirect-uri and --username.")
        credentials = read_credentials(client_id, auth_method, client_secret_file)
        password = read_secret(password_file, what="password", option="--password-file")
        asyncio.run(check(Account(credentials, redirect_uri, scope, username, password)))
    say("Everything works.")


@with_installation
async def _with_temporary(installation: Installation, check: Check) -> None:
    from valetkey.cli.check.temporary import temporary_account

    task = asyncio.current_task()
    with suppress(RuntimeError, ValueError):  # Only the main thread receives signals.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel if task else lambda: None)
    try:
        async with temporary_account(installation) as account:
            await check(account)
    except asyncio.CancelledError:
        raise Failure("Stopped. The temporary client and user are gone.") from None


def _nobody(_step: Step) -> None:
    """A program reads the whole at the end."""


def _tell(step: Step) -> None:
    took = f"{step.milliseconds:>6} ms" if step.result != "skipped" else " " * 9
    line = f"{step.result:<8}{step.name:<{_NAME_WIDTH}}{took}  {step.trace_id or '-':<32}  {step.detail}"
    write_lines(line.rstrip())
