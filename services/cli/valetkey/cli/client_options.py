"""The options that describe a client, shared by ``client create`` and ``client update``: one for each row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from valetkey.cli.option import Decorated, scope_option
from valetkey.core.client.metadata import FIELDS, MAX_SECONDS
from valetkey.core.client.metadata_field import Field, Kind

# What switches a client on and off is an option of `client update` alone.
_DESCRIBED = tuple(field for field in FIELDS if field.kind is not Kind.FLAG)
_VALUES = tuple(field for field in _DESCRIBED if not field.kind.is_list)
_LISTS = tuple(field for field in _DESCRIBED if field.kind.is_list)
_METAVARS = {
    Kind.URL: "URL",
    Kind.RESOURCE: "URI",
    Kind.SECONDS: "SECONDS",
    Kind.URIS: "URI",
    Kind.RESOURCES: "URI",
    Kind.GROUPS: "NAME",
    Kind.MAPPING: "JSON",
}
EMPTY_VALUES: dict[str, object] = {field.name: field.empty for field in _DESCRIBED if field.may_be_empty}
"""What a field that may be empty holds when it is."""


class _JsonMapping(click.ParamType[Any]):
    """A mapping as JSON has it."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> object:  # noqa: ANN401 - as click has it
        """The mapping."""
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self.fail("write a JSON object, in single quotes for the shell", param, ctx)
        return found


def client_field_options(command: Decorated) -> Decorated:
    """Every field of a registration as an option; the command is handed them as ``fields``."""
    for field in reversed((*_VALUES, *_LISTS)):
        command = _option(field)(command)
    return command


def given_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that were given, as types of ``Client``."""
    given: dict[str, object] = {field.name: value for field in _VALUES if (value := fields[field.name]) is not None}
    for field in _LISTS:
        values = fields[field.name]
        if isinstance(values, tuple) and values:
            given[field.name] = tuple(dict.fromkeys(values))
    return given


def _option(field: Field) -> Callable[[Decorated], Decorated]:
    words = field.description.removesuffix(".")
    if field.kind is Kind.WORDS:
        return scope_option(words)
    return click.option(
        field.option,
        field.name,
        multiple=field.kind.is_list,
        type=_type(field),
        metavar=_METAVARS.get(field.kind),
        help=f"{words}; may be repeated." if field.kind.is_list else field.description,
    )


def _type(field: Field) -> click.ParamType[Any] | None:
    if field.kind is Kind.SECONDS:
        return click.IntRange(0, MAX_SECONDS)
    if field.kind is Kind.MAPPING:
        return _JsonMapping()
    return click.Choice(field.choices) if field.choices else None
