"""The tables of the README, made from the code: ``python -m valetkey.cli.command_table``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from valetkey.cli.__main__ import cli
from valetkey.cli.exit_code import ExitCode


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ("valetkey",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None:
            yield from commands(found, (*path, name))


def command_table() -> str:
    """What each command does, as Markdown."""
    rows = [f"| `{path}` | {_first_sentence(command)} |\n" for path, command in commands()]
    return "| Command | What it does |\n|---|---|\n" + "".join(rows)


def exit_code_table() -> str:
    """What each exit code means, as Markdown."""
    return "| Code | Meaning |\n|---|---|\n" + "".join(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)


def _first_sentence(command: click.Command) -> str:
    return (command.help or "").split("\n\n")[0].replace("\n", " ").strip()


if __name__ == "__main__":
    sys.stdout.write(f"{command_table()}\n{exit_code_table()}")
