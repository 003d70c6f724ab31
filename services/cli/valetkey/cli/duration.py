"""Durations on the command line and in files, spelled as in the settings: ``90s``, ``15m``, ``24h``, ``14d``."""

from __future__ import annotations

from datetime import timedelta

import click

from valetkey.runtime.settings.types import seconds


def parse_duration(text: str, longest: timedelta) -> timedelta:
    """The duration, from nothing to ``longest``; ``ValueError`` says how to write one."""
    return timedelta(seconds=seconds(0, int(longest.total_seconds())).parse(text.strip()))


class Duration(click.ParamType[timedelta]):
    """An option whose value is a duration."""

    name = "duration"

    def __init__(self, longest: timedelta) -> None:
        self._longest = longest

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """See ``click.ParamType``."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value), self._longest)
        except ValueError as error:
            self.fail(str(error), param, ctx)
