"""Reads a settings table from variables and files, and collects every problem on the way."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, fields
from inspect import get_annotations
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from valetkey.runtime.settings.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from valetkey.runtime.settings.types import Parser

Service = Literal["authorize", "token", "introspection", "mailer", "key_rotation", "migrate", "cli", "compact", "all"]
SERVICES: tuple[Service, ...] = ("authorize", "token", "introspection", "mailer", "key_rotation", "migrate", "cli")
# Processes that are every service, and what is checked for all of them.
TOGETHER: tuple[Service, ...] = ("compact", "all")
# Services that an installation may do without: what is every service leaves them out where their settings are missing.
OPTIONAL_SERVICES: frozenset[Service] = frozenset({"mailer"})
PREFIX = "VALETKEY_"
# Before the path of a file that need not be there; systemd's EnvironmentFile= has the same sign.
OPTIONAL = "-"
MAX_FILE_BYTES = 65536
# What Kubernetes sets for every Service object of the namespace whose name starts with valetkey-.
_GONE = {"VALETKEY_PASSWORD_PARALLELISM": "passwords are hashed in one lane; remove it"}
_SERVICE_LINK = re.compile(
    r"VALETKEY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """The row of one setting: how its text becomes a value, what it is for, and who cannot start without it."""

    parser: Parser[Any]
    doc: str
    required_by: tuple[Service, ...] = ()
    secret: bool = False

    def is_required_by(self, service: Service) -> bool:
        """Whether that service refuses to start without it; what is every service needs what any of them does."""
        if service in TOGETHER:
            return not OPTIONAL_SERVICES.issuperset(self.required_by)
        return service in self.required_by


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one variable and what to do about it; never repeats a secret."""

    setting: str
    text: str


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` has one sentence per fault, each saying what to do next.

    ``lines`` say the same to people: how many there are, then each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        self.lines = (f"The settings have {count}:", *(f"- {problem}" for problem in self.problems))
        super().__init__("\n".join(self.lines))


def variable(setting: str) -> str:
    """The name of the variable that sets a field."""
    return PREFIX + setting.upper()


def table(settings: type[Any]) -> dict[str, Setting]:
    """The rows of a settings dataclass by field name, in order; those that it inherits come last."""
    hints = get_type_hints(settings, include_extras=True)
    rows: dict[str, Setting] = {}
    for field in sorted(fields(settings), key=lambda each: each.name not in get_annotations(settings)):
        (row,) = (extra for extra in get_args(hints[field.name]) if isinstance(extra, Setting))
        rows[field.name] = row
    return rows


def read(settings: type[Any], environ: Mapping[str, str], service: Service) -> tuple[dict[str, Any], list[Problem]]:
    """The values of every variable that is set and sound, and the problems of the others."""
    rows = table(settings)
    values: dict[str, Any] = {}
    problems = _unknown(rows, environ)
    for field, row in rows.items():
        name = variable(field)
        try:
            text = _text(name, row, environ)
            if text:
                value = row.parser.parse(text)
                values[field] = Secret(value, name) if row.secret else value
            elif row.is_required_by(service):
                problems.append(Problem(field, _how_to_give(name, row)))
        except ValueError as error:
            problems.append(Problem(field, f"{name} {error}."))
    return values, problems


def _text(name: str, row: Setting, environ: Mapping[str, str]) -> str:
    text = environ.get(name, "").strip()
    path = environ.get(f"{name}_FILE", "") if row.secret else ""
    if text and path:
        raise ValueError(f"and {name}_FILE are both set; remove one of them")
    return _file(path) if path else text


def _file(given: str) -> str:
    path = given.removeprefix(OPTIONAL)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        if given.startswith(OPTIONAL) and isinstance(error, FileNotFoundError):
            return ""
        raise ValueError(f"cannot be read from {path!r} ({error.strerror}); mount the file there") from None
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"cannot be read from {path!r}: it is over {MAX_FILE_BYTES} bytes; name the right file")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"cannot be read from {path!r}: it is not text; write the value as text") from None
    if not text:
        raise ValueError(f"cannot be read from {path!r}: it is empty; write the value into it")
    return text


def _how_to_give(name: str, row: Setting) -> str:
    file = f", or {name}_FILE to a file holding it" if row.secret else ""
    return f"{name} is missing: {row.doc} Set it ({row.parser.type}){file}."


def _unknown(rows: Mapping[str, Setting], environ: Mapping[str, str]) -> list[Problem]:
    known = {variable(field) for field in rows}
    known |= {f"{variable(field)}_FILE" for field, row in rows.items() if row.secret}
    problems: list[Problem] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or _is_service_link(name, environ[name]):
            continue
        if name in _GONE:
            problems.append(Problem("", f"{name} is not a setting any more: {_GONE[name]}."))
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        if name.removesuffix("_FILE") in known:
            advice = "only secrets are read from files; set the variable itself"
        elif close:
            advice = f"did you mean {close[0]}? Rename or remove it"
        else:
            advice = "remove it, or look it up in the table of settings"
        problems.append(Problem("", f"{name} is not a setting; {advice}."))
    return problems


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE_LINK.fullmatch(name) is not None or (name.endswith("_PORT") and value.startswith("tcp://"))


def show(value: object) -> object:
    """A value as the environment would spell it where that is text, for JSON and tables."""
    if isinstance(value, Secret):
        return "***" if value.is_set else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(show(item)) for item in value)
    if isinstance(value, Path | IPv4Network | IPv6Network):
        return str(value)
    return value


def describe(settings: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass with rows
    """Every variable of a settings object with the value in force, secrets as ``***``."""
    return {variable(field): show(getattr(settings, field)) for field in table(type(settings))}
