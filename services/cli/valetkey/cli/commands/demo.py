"""``valetkey demo``: everything on this machine, from one command."""

from __future__ import annotations

import asyncio

import click

from valetkey.cli.failure import Failure
from valetkey.cli.option import example

_DEFAULT_PORT = 8080
_HIGHEST_PORT = 65535


@click.command("demo", epilog=example("valetkey demo", "valetkey demo --no-open --issuer-port 9000 --keep"))
@click.option(
    "--issuer-port",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=_DEFAULT_PORT,
    show_default=True,
    help="Port of the issuer; 0 is a free one.",
)
@click.option(
    "--issuer",
    default="",
    metavar="URL",
    help="Issuer to use instead, on loopback; https://127.0.0.1:8443 has a certificate of the demo's own.",
)
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, metavar="URI", help="Register one more; may be repeated."
)
@click.option("--keep", is_flag=True, help="Find users, clients and keys again the next time.")
@click.option("--no-open", is_flag=True, help="Open no browser.")
def command(issuer_port: int, issuer: str, redirect_uris: tuple[str, ...], *, keep: bool, no_open: bool) -> None:
    """Run everything on this machine, until Ctrl-C.

    Real PostgreSQL and Redis, every service, an application and an API to try it with. Loopback only, not for
    production; nothing is left running. It prints how to register an application of your own.
    """
    try:
        from valetkey.demo.demo import run_demo
        from valetkey.demo.demo_error import DemoError
        from valetkey.demo.options import DemoOptions
    except ModuleNotFoundError as error:
        raise Failure(
            f"The demo is not installed here ({error.name} is missing): install valetkey-cli[demo]."
        ) from error
    options = DemoOptions(
        issuer_port=issuer_port, issuer=issuer, redirect_uris=redirect_uris, open_browser=not no_open, keep=keep
    )
    try:
        asyncio.run(run_demo(options))
    except DemoError as error:
        raise Failure(*error.lines) from error
