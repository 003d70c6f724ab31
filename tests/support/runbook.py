"""The pages of ``deploy/runbooks``, read as a person at a terminal would."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.repository import ROOT

RUNBOOKS = ROOT / "deploy" / "runbooks"
_PROGRAMS = ("chronyc", "curl", "docker", "helm", "kubectl", "redis-cli", "valetkey")
# A stage of a pipeline ends at a bar that stands in no quotes.
_STAGE = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^|'"\\])+""", re.DOTALL)
_SECTION = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """One line to type, with the page and the section that say so."""

    page: str
    section: str
    line: str

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"

    @property
    def stages(self) -> list[str]:
        """The programs of its pipeline."""
        return [stage.strip() for stage in _STAGE.findall(self.line)]

    @property
    def words(self) -> list[str]:
        """The first program and its arguments."""
        return shlex.split(self.stages[0])

    @property
    def rest(self) -> str:
        """What stands behind the first bar."""
        return " | ".join(self.stages[1:])


def pages() -> list[Path]:
    """Every page."""
    return sorted(RUNBOOKS.glob("*.md"))


def read(page: Path) -> str:
    """Its text."""
    return page.read_text(encoding="utf-8")


@cache
def commands() -> tuple[Command, ...]:
    """Everything that the pages have people type: consoles, and commands in the middle of a sentence."""
    return tuple(command for page in pages() for command in _commands_of(page))


def promql(page: Path) -> list[str]:
    """The queries of a page."""
    blocks = re.findall(r"```promql\n(.*?)```", read(page), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def _commands_of(page: Path) -> list[Command]:
    found: list[Command] = []
    parts = _SECTION.split(read(page))
    for section, text in zip(parts[1::2], parts[2::2], strict=True):
        consoles = [_typed(block) for block in re.findall(r"^ *```console\n(.*?)```", text, re.DOTALL | re.MULTILINE)]
        sentences = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        spoken = [" ".join(each.split()) for each in sentences if re.match(rf"(?:{'|'.join(_PROGRAMS)}) [a-z-]", each)]
        lines = [line for console in consoles for line in console]
        found += [Command(page.stem, section, line) for line in [*lines, *spoken]]
    return found


def _typed(console: str) -> list[str]:
    """The commands of a console; each begins behind a dollar."""
    return [each.strip().replace("\\\n", " ") for each in re.split(r"^ *\$ ", console, flags=re.MULTILINE)[1:]]
