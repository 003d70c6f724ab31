"""YAML as data and nothing else: no tags, no name twice, no surprise in size, depth or meaning.

YAML 1.2 §3.2.1.3: names are unique. Values are made from the parser's events, so that whatever is wrong has a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

from valetkey.administration.apply.yaml_scalar import read_plain

MAX_BYTES = 1 << 20
_DEEPEST = 20
_MOST_VALUES = 200_000
# In characters, each value counting one more.
_MOST_REPEATED = 4 * MAX_BYTES
_LONGEST_QUOTE = 60
_MERGE = "<<"
# What YAML 1.2 §5.1 does not allow in a file; and what of it an escape could still bring into a text.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """The text is no such YAML; the sentence says where, and what to do."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence if line is None else f"line {line}: {sentence}")


def read_text(data: bytes) -> str:
    """The text of a file, without a byte order mark. Raises ``YamlError``."""
    if len(data) > MAX_BYTES:
        raise YamlError(f"longer than {MAX_BYTES} bytes; divide it among several files with an --owner each")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8; save the file in that encoding", data.count(b"\n", 0, error.start) + 1) from None


def parse_yaml(text: str) -> object:
    """What the one document in the text says, None where it says nothing. Raises ``YamlError``."""
    if found := _UNPRINTABLE.search(text):
        raise YamlError("a control character; remove it", text.count("\n", 0, found.start()) + 1)
    try:
        return _Builder().build(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # Not str(error), which quotes the file: the file may hold a secret.
        problem = getattr(error, "problem", None) or "not well-formed YAML"
        raise YamlError(f"{problem}; see how YAML is written there", None if mark is None else mark.line + 1) from None


@dataclass(slots=True)
class _OpenList:
    """A list that has begun. ``size`` is of everything in it, as often as it is repeated."""

    line: int
    anchor: str | None
    size: int = 1
    value: list[object] = field(default_factory=list)
    expects_name: ClassVar[bool] = False

    def add(self, value: object, _line: int) -> None:
        """Take the next member."""
        self.value.append(value)

    def close(self) -> list[object]:
        """The whole."""
        return self.value


@dataclass(slots=True)
class _OpenMapping:
    """A mapping that has begun; names and values come in turn."""

    line: int
    anchor: str | None
    size: int = 1
    value: dict[str, object] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _merged: list[dict[str, object]] = field(default_factory=list)
    _name: str | None = None

    @property
    def expects_name(self) -> bool:
        """Whether a name comes next."""
        return self._name is None

    def add(self, value: object, line: int) -> None:
        """Take the next name or value."""
        if self._name is not None:
            self._put(self._name, value, line)
            self._name = None
        elif not isinstance(value, str):
            raise YamlError("something that is no name where a name should be; write the name out", line)
        elif value in self._names:
            raise YamlError(f"{value[:_LONGEST_QUOTE]!r} is there twice; remove one", line)
        else:
            self._name = value
            self._names.add(value)

    def close(self) -> dict[str, object]:
        """The whole: its own members go before merged ones, and of those the first. YAML 1.1 merge keys."""
        for merged in self._merged:
            self.value = merged | self.value
        return self.value

    def _put(self, name: str, value: object, line: int) -> None:
        if name != _MERGE:
            self.value[name] = value
            return
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise YamlError("<< merges mappings, and this is none; name one by its alias", line)
            self._merged.append(source)


class _Builder:
    def __init__(self) -> None:
        self._open: list[_OpenList | _OpenMapping] = []
        self._anchored: dict[str, tuple[object, int]] = {}
        self._values = 0
        self._repeated = 0
        self._documents: list[object] = []

    def build(self, events: Iterable[yaml.Event]) -> object:
        """The document of these events."""
        for event in events:
            self._read(event, 0 if event.start_mark is None else event.start_mark.line + 1)
        return self._documents[0] if self._documents else None

    def _read(self, event: yaml.Event, line: int) -> None:
        match event:
            case yaml.DocumentStartEvent() if self._documents:
                raise YamlError("another document begins; write everything into one, without ---", line)
            case yaml.ScalarEvent():
                self._add(self._scalar(event, line), len(event.value) + 1, event.anchor, line)
            case yaml.AliasEvent():
                self._add(*self._repeat(event.anchor, line), None, line)
            case yaml.SequenceStartEvent():
                self._begin(_OpenList(line, event.anchor), event)
            case yaml.MappingStartEvent():
                self._begin(_OpenMapping(line, event.anchor), event)
            case yaml.CollectionEndEvent():
                closed = self._open.pop()
                self._add(closed.close(), closed.size, closed.anchor, closed.line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> object:
        _refuse_tag(event, line)
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise YamlError("a control character, spelled as an escape; remove it", line)
        # A name is a name, whatever the same word would mean as a value.
        if event.style or (self._open and self._open[-1].expects_name):
            return text
        try:
            return read_plain(text)
        except ValueError as error:
            raise YamlError(str(error), line) from None

    def _repeat(self, anchor: str | None, line: int) -> tuple[object, int]:
        if any(opened.anchor == anchor for opened in self._open):
            raise YamlError("an alias inside of what it stands for; write it out", line)
        if anchor is None or anchor not in self._anchored:
            raise YamlError("an alias of something that has no such anchor; write it out", line)
        value, size = self._anchored[anchor]
        self._repeated += size
        if self._repeated > _MOST_REPEATED:
            raise YamlError("aliases repeat more than a file may hold; write less of it", line)
        return value, size

    def _begin(self, opened: _OpenList | _OpenMapping, event: yaml.CollectionStartEvent) -> None:
        _refuse_tag(event, opened.line)
        if len(self._open) >= _DEEPEST:
            raise YamlError(f"nested deeper than {_DEEPEST} levels; no field needs that", opened.line)
        self._open.append(opened)

    def _add(self, value: object, size: int, anchor: str | None, line: int) -> None:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise YamlError(
                f"more than {_MOST_VALUES} values; divide the file among several, with an --owner each", line
            )
        if anchor is not None:
            self._anchored[anchor] = value, size
        if not self._open:
            self._documents.append(value)
            return
        self._open[-1].size += size
        self._open[-1].add(value, line)


def _refuse_tag(event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
    if event.tag is not None:
        raise YamlError("a tag, and values have none here; remove what begins with !", line)
