"""Everything that a command prints: answers on standard output, messages on standard error.

The one place that writes to a terminal, so that whatever came from outside is escaped here: values, names of members,
messages.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import click

from valetkey.runtime.telemetry.redaction import one_line

_GAP = "  "
_MOST_LEVELS = 64
_INDENT = 2
NOTHING = "-"
TOO_DEEP = "(nested too deeply to show)"


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
        rows = [
            ("" if number else one_line(name), line)
            for name, value in record.items()
            for number, line in enumerate(_lines(value))
        ]
        if not rows:
            say("none")
        width = max((len(name) for name, _ in rows), default=0)
        write_lines(*(f"{name:<{width}}{_GAP}{line}" for name, line in rows))

    def many(self, records: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
        """Several of a kind: a JSON array of whole objects, or a table of these columns."""
        if self.is_json:
            _print_json(records)
            return
        if not records:
            say("none")
            return
        _write_rows(records, columns, [0] * len(columns), with_names=True)

    async def pages(self, pages: AsyncIterable[Sequence[Mapping[str, object]]], columns: Sequence[str]) -> None:
        """``many`` of as many as there are, printed page by page."""
        if not self.is_json:
            is_empty, widths = True, [0] * len(columns)
            async for page in pages:
                widths = _write_rows(page, columns, widths, with_names=is_empty)
                is_empty = False
            if is_empty:
                say("none")
            return
        # The bracket that ends an object waits for the comma that may follow it.
        bracket = "["
        async for page in pages:
            for record in page:
                *lines, last = (" " * _INDENT + line for line in _json_lines(record))
                write_lines(bracket if bracket == "[" else f"{bracket},", *lines)
                bracket = last
        write_lines("[]") if bracket == "[" else write_lines(bracket, "]")


def say(*lines: str) -> None:
    """Write to standard error, so that a program that reads standard output is not disturbed."""
    write_lines(*lines, err=True)


def write_lines(*lines: str, err: bool = False, file: IO[Any] | None = None) -> None:
    """Print each of them as exactly one line, everything unprintable in it escaped."""
    if lines:
        click.echo(_encodable("\n".join(map(one_line, lines)), file, err=err), file=file, err=err)


def write_verbatim(text: str) -> None:
    """Print a text of our own for another program, such as a script, as it stands."""
    click.echo(text, nl=not text.endswith("\n"))


def plain(value: object) -> object:
    """A value as JSON spells it: UTC times to the second, sets and tuples as lists, sets in order.

    What is nested too deeply, and numbers that JSON has not, are texts.
    """
    return _plain(value, _MOST_LEVELS)


def _plain(value: object, levels: int) -> object:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case str():
            return str(value)
        case UUID() | Path():
            return str(value)
        case Mapping() | set() | frozenset() | Sequence() if not levels:
            return TOO_DEEP
        case Mapping():
            return {str(name): _plain(member, levels - 1) for name, member in value.items()}
        case set() | frozenset():
            return sorted(str(member) for member in value)
        case Sequence():
            return [_plain(member, levels - 1) for member in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _write_rows(
    records: Sequence[Mapping[str, object]], columns: Sequence[str], widths: Sequence[int], *, with_names: bool
) -> list[int]:
    """Print a row for each, at least so wide; how wide they are."""
    rows = [[name.upper().replace("_", " ") for name in columns]] if with_names else []
    rows += [[_cell(record.get(name)) for name in columns] for record in records]
    widest = [max(width, *(len(row[column]) for row in rows)) for column, width in enumerate(widths)]
    write_lines(
        *(_GAP.join(f"{cell:<{width}}" for cell, width in zip(row, widest, strict=True)).rstrip() for row in rows)
    )
    return widest


def _print_json(value: object) -> None:
    write_lines(*_json_lines(value))


def _json_lines(value: object) -> list[str]:
    # ASCII: no value reaches a terminal unescaped, and the line breaks are those of the layout.
    return json.dumps(plain(value), indent=_INDENT).split("\n")


def _cell(value: object) -> str:
    return _text(plain(value))


def _text(value: object) -> str:
    match value:
        case None | "" | []:
            return NOTHING
        case bool() as flag:
            return "yes" if flag else "no"
        case list() as members:
            return " ".join(map(_text, members))
        case dict() as members:
            return " ".join(f"{one_line(name)}={_text(member)}" for name, member in members.items()) or NOTHING
        case other:
            return one_line(str(other))


def _lines(value: object) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 1:
        return [_cell(member) for member in value]
    return [_cell(value)]


def _encodable(text: str, file: IO[Any] | None, *, err: bool) -> str:
    """The text in characters that the stream has; a terminal that is not UTF-8 gets escapes for the others."""
    stream = file or (sys.stderr if err else sys.stdout)
    encoding: str = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
