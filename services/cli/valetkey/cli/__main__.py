"""The program ``valetkey``. Each group of commands is one module, loaded when one of its commands is typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import NamedTuple

import click

from valetkey.cli.option import example
from valetkey.cli.output import write_lines
from valetkey.runtime.lifecycle.termination import interrupted_by_sigterm
from valetkey.runtime.telemetry.redaction import one_line


class Entry(NamedTuple):
    """The module of a command, and what the list of commands says of it."""

    module: str
    short_help: str


# What loads the pages of authorize must not be loaded to serve tokens, nor a schema tool to read a setting. The help
# stands here too, so that the list of all commands loads none of them.
COMMANDS = {
    "demo": Entry("demo", "Run everything on this machine, until Ctrl-C."),
    "serve": Entry("serve", "Run one service, or all in one process, until SIGTERM or Ctrl-C."),
    "migrate": Entry("migrate", "Bring the schema of PostgreSQL up to date."),
    "rotate-keys": Entry("rotate_keys", "Rotate signing keys that are due."),
    "client": Entry("client", "Register clients and resource servers."),
    "scope": Entry("scope", "Register the scopes that clients may ask for."),
    "user": Entry("user", "Create and end the accounts of people."),
    "attribute": Entry("attribute", "Declare what is kept of users beside the standard claims."),
    "group": Entry("group", "Put users into groups, and groups into groups."),
    "session": Entry("session", "Show and end the sessions of browsers."),
    "consent": Entry("consent", "Show and withdraw what users have agreed to."),
    "mail": Entry("mail", "Show mails to users, and have them tried again."),
    "revocation": Entry("revocation", "Look after revocations."),
    "keys": Entry("keys", "Show and rotate the keys that sign tokens."),
    "login": Entry("login", "Log in through the browser and print the tokens."),
    "token": Entry("token", "Get, inspect and revoke tokens, as clients do."),
    "check": Entry("check", "Use an installation as its users do."),
    "kubernetes": Entry("kubernetes", "Prepare a namespace of a cluster."),
    "config": Entry("config", "Show and check the settings."),
    "doctor": Entry("doctor", "Find out what is wrong."),
    "completion": Entry("completion", "Print the completion script for a shell."),
}


@contextmanager
def _escaped_usage_errors() -> Iterator[None]:
    """What is wrong with the command line quotes it; a terminal is told so as of any other message."""
    try:
        yield
    except click.UsageError as error:
        if not isinstance(error, click.exceptions.NoArgsIsHelpError):
            # Final to click, which has no other place for it.
            error.message = one_line(error.message)  # type: ignore[misc]
        raise


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """See ``click.Command``."""
        with _escaped_usage_errors():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """See ``click.Command``."""
        with _escaped_usage_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which an operator meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command, out of the variable named ``command`` in its module."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = import_module(f"valetkey.cli.commands.{entry.module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module} holds no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list of commands in the help, which imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.short_help) for name, entry in COMMANDS.items()])


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value:
        write_lines(f"valetkey {version('valetkey-cli')}")
        context.exit()


@click.command(
    "valetkey",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("valetkey demo", "valetkey client list -o json", "valetkey doctor"),
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Operate Valetkey, an OAuth 2.1 authorization server and OpenID Provider.

    Settings are VALETKEY_* variables; `valetkey config validate` checks them. Answers go to standard output, messages
    and audit events to standard error. Secrets are never taken from the command line.
    """


def main() -> None:
    """Run the program and exit with one of ``valetkey.cli.exit_code``."""
    with interrupted_by_sigterm():
        cli(prog_name="valetkey")


if __name__ == "__main__":
    main()
