"""The program's commands, looked up as a reader would type them; nothing is run."""

import click

from valetkey.cli.__main__ import cli


def find_command(words: list[str]) -> tuple[click.Command, int]:
    """The deepest command that these words name, and how many of them it took."""
    command: click.Command = cli
    context = click.Context(command)
    used = 0
    for word in words:
        following = command.get_command(context, word) if isinstance(command, click.Group) else None
        if following is None:
            break
        command, used = following, used + 1
    return command, used
