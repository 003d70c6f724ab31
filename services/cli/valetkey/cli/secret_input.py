"""Reads secrets from a file, standard input or a prompt; never from the command line, which other users can read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from valetkey.cli.failure import Failure

STDIN = Path("-")
MAX_BYTES = 65536


def secret_path(*, exists: bool) -> click.Path:
    """The type of an option that names a file to read a secret from (``-`` is standard input) or to write one to."""
    return click.Path(exists=exists, dir_okay=False, allow_dash=exists, path_type=Path)


def read_secret(path: Path | None, *, what: str, option: str, confirm: bool = False) -> str:
    """The secret in a file, or typed at a prompt that does not echo; without the line break at its end.

    Raises ``Failure`` where there is none, and ``click.UsageError`` where there is no terminal.
    """
    if path is None:
        if not sys.stdin.isatty():
            raise click.UsageError(f"There is no terminal to ask for the {what}: give {option} FILE, or {option} -.")
        return str(click.prompt(what.capitalize(), hide_input=True, confirmation_prompt=confirm, err=True))
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if path == STDIN else _read(path)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Failure(f"The {what} cannot be read from {path} ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise Failure(f"The {what} in {path} is not text.") from error
    if not text or len(data) > MAX_BYTES or "\n" in text:
        raise Failure(f"The {what} in {path} must be one line of text; write it there and nothing else.")
    return text


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
