"""Options that many commands share, and the example that every command's help ends with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from valetkey.cli.duration import Duration
from valetkey.cli.output import Format, Output
from valetkey.runtime.telemetry.redaction import one_line

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def example(*lines: str) -> str:
    """An epilog that click does not wrap."""
    return "\b\n" + "\n".join(["Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


def _to_output(_context: click.Context, _parameter: click.Parameter, value: str) -> Output:
    return Output(Format(value))


def output_option(command: Decorated) -> Decorated:
    """``-o json``; the command is handed an ``Output`` named ``output``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice([form.value for form in Format]),
        default=Format.TABLE.value,
        show_default=True,
        callback=_to_output,
        help="Form of the answer on standard output.",
    )(command)


def _split(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values for name in value.split()))


def scope_option(words: str, *, default: str | None = None) -> Callable[[Decorated], Decorated]:
    """``--scope``, repeated or with several names in one; the command is handed a tuple of names named ``scope``."""
    return click.option(
        "--scope",
        multiple=True,
        default=None if default is None else [default],
        show_default=default is not None,
        callback=_split,
        help=f"{words}; may be repeated.",
    )


def yes_option(command: Decorated) -> Decorated:
    """``--yes``: do not ask."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(command)


def wait_option(what: str, *, default: str = "0") -> Callable[[Decorated], Decorated]:
    """``--wait``; the command is handed a ``timedelta`` named ``wait``."""
    return click.option(
        "--wait",
        type=Duration(timedelta(hours=1)),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=f"Go on trying for so long, such as 90s or 5m, while {what} cannot be used; then exit with 75.",
    )


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if told to, beforehand or at the terminal. Raises ``click.Abort``."""
    if not yes:
        click.confirm(one_line(question), abort=True, err=True)
