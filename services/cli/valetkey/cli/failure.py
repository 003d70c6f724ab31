"""How a command fails: a sentence on standard error that says what to do next, and an exit code.

::

    Failure (1)
    ├── NotFound (3)
    ├── Conflict (4)
    ├── Unavailable (69)
    ├── RetryTimeout (75)
    └── Misconfigured (78)

What the stores raise becomes one of these in ``installation``.
"""

from __future__ import annotations

from typing import IO, Any, ClassVar

import click

from valetkey.cli.exit_code import ExitCode
from valetkey.cli.output import write_lines


class Failure(click.ClickException):
    """The command was understood and did not succeed. Each of ``more`` is a line of its own below the message."""

    exit_code: ClassVar[int] = ExitCode.REFUSED

    def __init__(self, message: str, *more: str) -> None:
        super().__init__(message)
        self.more = more

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message and what follows it. A line break in what they quote begins no line."""
        write_lines(*(f"valetkey: {line}" for line in (self.message, *self.more)), file=file, err=file is None)


class NotFound(Failure):
    """What was named does not exist."""

    exit_code = ExitCode.NOT_FOUND


class Conflict(Failure):
    """At odds with what exists."""

    exit_code = ExitCode.CONFLICT


class Unavailable(Failure):
    """A store or the issuer cannot be reached."""

    exit_code = ExitCode.UNAVAILABLE


class RetryTimeout(Failure):
    """``--wait`` is over and what was waited for is not there."""

    exit_code = ExitCode.RETRY_TIMEOUT


class Misconfigured(Failure):
    """The settings or the schema cannot be used."""

    exit_code = ExitCode.CONFIGURATION
