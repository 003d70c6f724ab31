"""As much of PromQL as it takes to say which series an expression asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<range>\[[^\]]*\])
      | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
      | (?P<number>[0-9][0-9a-zA-Z.]*)
      | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},@])""",
    re.VERBOSE,
)
# After these words stands a list of labels, not an expression.
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """``label operator "value"``."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool:
        """Whether a series with this value is selected."""
        if self.operator in {"=", "!="}:
            return (value == self.value) is (self.operator == "=")
        return (re.fullmatch(self.value, value) is not None) is (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class Query:
    """What an expression asks for: its metrics with their matchers, and the labels that it groups by or joins on."""

    selectors: list[tuple[str, tuple[Matcher, ...]]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    @property
    def metrics(self) -> set[str]:
        """The names of the metrics."""
        return {name for name, _ in self.selectors}


def parse(expression: str) -> Query:
    """Take an expression apart. Raises ``ValueError`` where it has something that no PromQL has."""
    tokens = _tokens(expression)
    query = Query()
    position = 0
    while position < len(tokens):
        kind, text = tokens[position]
        following = tokens[position + 1][1] if position + 1 < len(tokens) else ""
        position += 1
        if kind != "name" or text in _WORDS:
            continue
        if text in _GROUPING:
            if following == "(":
                end = tokens.index(("sign", ")"), position)
                query.labels.update(name for each, name in tokens[position:end] if each == "name")
                position = end + 1
        elif following == "{":
            end = tokens.index(("sign", "}"), position)
            query.selectors.append((text, _matchers(tokens[position + 1 : end])))
            position = end + 1
        elif following != "(" and not _is_aggregation(tokens, position):
            query.selectors.append((text, ()))
    return query


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens = []
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise ValueError(f"not PromQL: {expression[position:]!r}")
        position = found.end()
        if found.lastgroup not in {"space", None}:
            tokens.append((str(found.lastgroup), found.group()))
    return tokens


def _is_aggregation(tokens: list[tuple[str, str]], position: int) -> bool:
    """Whether ``by`` or ``without`` follows, as in ``sum by (job) (...)``; after a metric they make no sense."""
    return position < len(tokens) and tokens[position][1] in {"by", "without"}


def _matchers(tokens: list[tuple[str, str]]) -> tuple[Matcher, ...]:
    words = [text for _, text in tokens if text != ","]
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return tuple(Matcher(label, operator, value[1:-1].replace("\\\\", "\\")) for label, operator, value in triples)
