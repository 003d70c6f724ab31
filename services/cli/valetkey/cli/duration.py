"""Durations on the command line."""

from __future__ import annotations

from datetime import timedelta

import click

from valetkey.administration.duration import parse_duration


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
