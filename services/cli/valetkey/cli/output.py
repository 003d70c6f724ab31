"""What a command answers on standard output: a table for people, JSON for programs. Messages go to standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import click

from valetkey.runtime.redaction import one_line

_GAP = "  "
NOTHING = "-"


class Format(StrEnum):
    """The two forms of an answer."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Output:
    """Prints answers in the form that was asked for. The members of the JSON are stable; a table may change."""

    form: Format

    @property
    def is_json(self) -> bool:
        """Whether a program reads this."""
        return self.form is Format.JSON

    def one(self, record: Mapping[str, object]) -> None:
        """One thing: a JSON object, or a line per member."""
        if self.is_json:
            _print_json(record)
            return
        width = max((len(name) for name in record), default=0)
        for name, value in record.items():
            lines = _lines(value)
            click.echo(f"{name:<{width}}{_GAP}{lines[0]}")
            for line in lines[1:]:
                click.echo(f"{'':<{width}}{_GAP}{line}")

    def many(self, records: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
        """Several of a kind: a JSON array of whole objects, or a table of these columns."""
        if self.is_json:
            _print_json(records)
            return
        if not records:
            say("none")
            return
        rows = [[name.upper().replace("_", " ") for name in columns]]
        rows += [[_cell(record.get(name)) for name in columns] for record in records]
        widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
        for row in rows:
            click.echo(_GAP.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def say(message: str) -> None:
    """Tell whoever watches, without disturbing what a program reads."""
    for line in message.splitlines():
        click.echo(one_line(line), err=True)


def plain(value: object) -> object:
    """A value as JSON spells it: UTC times to the second, sets and tuples as lists, sets in order."""
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case str():
            return str(value)
        case UUID() | Path():
            return str(value)
        case Mapping():
            return {str(name): plain(member) for name, member in value.items()}
        case set() | frozenset():
            return sorted(str(member) for member in value)
        case Sequence():
            return [plain(member) for member in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _print_json(value: object) -> None:
    # ASCII, so that no value can speak to a terminal.
    click.echo(json.dumps(plain(value), indent=2))


def _cell(value: object) -> str:
    match plain(value):
        case None | "" | []:
            return NOTHING
        case bool() as flag:
            return "yes" if flag else "no"
        case list() as members:
            return " ".join(map(_cell, members))
        case dict() as members:
            return " ".join(f"{name}={_cell(member)}" for name, member in members.items()) or NOTHING
        case other:
            return one_line(str(other))


def _lines(value: object) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 1:
        return [_cell(member) for member in value]
    return [_cell(value)]
