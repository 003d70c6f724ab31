"""Where the password of a user comes from: a file, standard input, a prompt, or we make it up."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from valetkey.administration.passwords import generate_password
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import read_secret, secret_path


@dataclass(frozen=True, slots=True)
class PasswordChoice:
    """What the options say."""

    password_file: Path | None
    is_generated: bool
    secret_file: Path | None

    @property
    def is_given(self) -> bool:
        """Whether any option says where the password comes from."""
        return self.is_generated or self.password_file is not None

    def read(self) -> str:
        """The password. Asks where no option says otherwise."""
        if self.is_generated:
            return generate_password()
        return read_secret(self.password_file, what="password", option="--password-file", confirm=True)

    @contextmanager
    def handed_over(self, password: str) -> Iterator[dict[str, object]]:
        """The field of the output with the password; empty unless the password is generated."""
        if not self.is_generated:
            yield {}
            return
        with handed_over("password", password, self.secret_file) as handed:
            yield handed


def password_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--password-file``, ``--generate-password`` and ``--secret-file``, handed over as ``choice``."""

    @functools.wraps(command)
    def run(*args: Any, password_file: Path | None, generate: bool, secret_file: Path | None, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        if generate and password_file is not None:
            raise click.UsageError("Give --password-file or --generate-password, not both.")
        if secret_file is not None and not generate:
            raise click.UsageError("--secret-file is for a password that --generate-password makes.")
        return command(*args, choice=PasswordChoice(password_file, generate, secret_file), **kwargs)

    options = (
        click.option(
            "--password-file",
            type=secret_path(exists=True),
            help="File that holds the password; - is standard input. Asked for unless given.",
        ),
        click.option("--generate-password", "generate", is_flag=True, help="Make one up; it is shown this once."),
        click.option(
            "--secret-file", type=secret_path(exists=False), help="Write the generated password there instead."
        ),
    )
    wrapped: Callable[..., Any] = run
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
