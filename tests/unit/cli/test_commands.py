"""Every command there is: its help, its place in the README, and what it takes."""

import shutil
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from support.repository import ROOT
from valetkey.cli.__main__ import COMMANDS, cli
from valetkey.cli.command_table import command_table, commands, exit_code_table
from valetkey.cli.exit_code import ExitCode

EVERY_COMMAND = dict(commands())
README = (ROOT / "services/cli/README.md").read_text(encoding="utf-8")
# What may be typed where other users can read it: where a secret is, never what it is.
PLACES_OF_SECRETS = {"--secret-file", "--client-secret-file", "--password-file", "--token-file", "--secrets-directory"}
MAKE_SECRETS = {"--generate-password"}
DO_WITHOUT = {"--no-password"}


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_help_of_every_command_says_what_it_does_and_shows_an_example(path: str) -> None:
    result = CliRunner().invoke(cli, [*path.split()[1:], "--help"], prog_name="valetkey")

    assert result.exit_code == ExitCode.OK, result.output
    assert "Example" in result.output
    assert path in result.output.split("Example")[1]
    assert (EVERY_COMMAND[path].help or "").split("\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("group", [name for name in COMMANDS if len(name.split()) == 1])
def test_a_group_without_a_command_shows_what_there_is(group: str) -> None:
    result = CliRunner().invoke(cli, [group, "--help"])

    assert result.exit_code == ExitCode.OK
    assert "Example" in result.output


def test_the_readme_lists_every_command_and_exit_code() -> None:
    assert command_table() in README
    assert exit_code_table() in README


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_its_own_help_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    assert COMMANDS[name].short_help == command.get_short_help_str(limit=200)


@pytest.mark.requirement("security 51: no secret in process arguments")
@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_no_command_takes_a_secret_as_an_argument(path: str) -> None:
    named = {
        name
        for parameter in EVERY_COMMAND[path].params
        for name in (*parameter.opts, parameter.name or "")
        if any(word in name for word in ("secret", "password", "--token")) and name.startswith("--")
    }
    arguments = {parameter.name for parameter in EVERY_COMMAND[path].params if isinstance(parameter, click.Argument)}

    assert named <= PLACES_OF_SECRETS | MAKE_SECRETS | DO_WITHOUT
    assert not arguments & {"secret", "password", "token", "code"}


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_every_command_with_an_answer_can_answer_in_json(path: str) -> None:
    without = ("valetkey demo", "valetkey serve", "valetkey completion", "valetkey token revoke", "valetkey revocation")
    silent = path.startswith(without) or path.endswith(" delete")

    options = {option for parameter in EVERY_COMMAND[path].params for option in parameter.opts}

    assert silent or {"-o", "--output"} <= options


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(cli, ["frobnicate"]).exit_code == ExitCode.USAGE


def test_the_version_is_that_of_the_distribution() -> None:
    result = CliRunner().invoke(cli, ["--version"])

    assert result.output.startswith("valetkey 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_completes(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])

    assert result.exit_code == ExitCode.OK
    assert "_VALETKEY_COMPLETE" in result.output
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=result.output.encode(), check=True)


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_a_shell_completes_every_command_and_its_options(path: str) -> None:
    *before, last = path.split()
    completion = ShellComplete(cli, {}, "valetkey", "_VALETKEY_COMPLETE")

    commands_found = {item.value for item in completion.get_completions(before[1:], last[:2])}
    options_found = {item.value for item in completion.get_completions(path.split()[1:], "--")}

    assert last in commands_found
    assert "--help" in options_found


def test_serving_tokens_loads_no_page_and_no_schema_tool() -> None:
    program = (
        "import sys; from valetkey.cli.__main__ import cli;"
        "cli.get_command(None, 'serve'); print('jinja2' in sys.modules, 'alembic' in sys.modules)"
    )

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert loaded == "False False\n"
