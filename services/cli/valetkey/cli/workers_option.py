"""``--workers``, in the words and within the bounds of the setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class _Workers(click.ParamType[int]):
    name = "workers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """A number of processes, once ``auto`` is counted. Fails with exit code 2."""
        from valetkey.runtime.settings.types import workers

        try:
            return workers.parse(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def workers_option(command: Decorated) -> Decorated:
    """The command is handed ``workers``, None where nobody has said."""
    return click.option(
        "--workers",
        type=_Workers(),
        metavar="NUMBER|auto",
        help="Processes that share the port, each with connections of its own to the stores; auto: one for each core. "
        "VALETKEY_WORKERS, or 1, unless given.",
    )(command)
