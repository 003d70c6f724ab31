"""``valetkey config``: the settings in force, and whether they can be used."""

from __future__ import annotations

import click

from valetkey.cli.exit_code import ExitCode
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.runtime.settings.environment import describe_settings, load_settings
from valetkey.runtime.settings.settings import SERVICES, TOGETHER, Service, SettingsError

_service_option = click.option(
    "--service",
    type=click.Choice([*SERVICES, *TOGETHER]),
    default="all",
    show_default=True,
    help="Check what this service cannot start without.",
)


@click.group("config", epilog=example("valetkey config validate --service token"))
def command() -> None:
    """Show and check the settings."""


@command.command("show", epilog=example("valetkey config show -o json"))
@_service_option
@output_option
def show(service: Service, output: Output) -> None:
    """Show every setting with the value in force; secrets as ***.

    What cannot be used has no value, and why is said on standard error. `valetkey config validate` fails then.
    """
    described, problems = describe_settings(service)
    output.one(described)
    for problem in problems:
        say(f"- {problem}")


@command.command("validate", epilog=example("valetkey config validate", "valetkey config validate --service token"))
@_service_option
@output_option
@click.pass_context
def validate(context: click.Context, service: Service, output: Output) -> None:
    """Check the settings without starting anything, and list every problem at once."""
    problems: tuple[str, ...] = ()
    try:
        load_settings(service)
    except SettingsError as error:
        problems = error.problems
    if output.is_json:
        output.one({"service": service, "valid": not problems, "problems": problems})
    else:
        for problem in problems:
            say(f"- {problem}")
        say(f"The settings have {len(problems)} problem(s)." if problems else "The settings can be used.")
    context.exit(ExitCode.CONFIGURATION if problems else ExitCode.OK)
