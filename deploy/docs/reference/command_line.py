"""Every command of ``valetkey`` with its options."""

from __future__ import annotations

import inspect
from itertools import groupby

import click

from valetkey.cli.command_table import commands, exit_code_table

_HEAD = """# Command line

<!-- Made from the code by `make docs-reference`. -->

What each command needs in its environment, and how it is used together, is in [the README of the command
line](../../../services/cli/README.md). `--help` shows the same as here.
"""


def render() -> str:
    """The page."""
    parts = [_HEAD]
    for name, group in groupby(commands(), key=lambda each: " ".join(each[0].split()[:2])):
        parts.append(f"\n## {name}\n")
        parts += [_section(path, command, is_group=path != name) for path, command in group]
    parts.append(f"\n## Exit codes\n\n{exit_code_table()}")
    return "".join(parts)


def _section(path: str, command: click.Command, *, is_group: bool) -> str:
    parameters = [each for each in command.params if isinstance(each, click.Argument)]
    usage = " ".join([path, "[OPTIONS]", *(each.make_metavar(click.Context(command)) for each in parameters)])
    rows = "".join(
        f"| `{', '.join([*each.opts, *each.secondary_opts])}` | {_cell(each.help or '')} |\n"
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden
    )
    options = f"\n| Option | What it is |\n|---|---|\n{rows}" if rows else ""
    heading = f"\n### {path}\n" if is_group else ""
    return f"{heading}\n```\n{usage}\n```\n\n{_text(command.help)}\n{options}"


def _text(text: str | None) -> str:
    """Paragraphs as Markdown; what click keeps as it stands is code."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    kept = [
        "```\n" + paragraph.removeprefix("\b\n") + "\n```" if paragraph.startswith("\b") else _escaped(paragraph)
        for paragraph in paragraphs
    ]
    return "\n\n".join(kept)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")
