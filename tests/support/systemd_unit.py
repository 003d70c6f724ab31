"""What systemd would run for a unit of ours: the program with its variables, read from the unit."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.repository import ROOT

UNITS = ROOT / "deploy" / "systemd"
PROGRAM = "/opt/valetkey/bin/valetkey"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit with what its specifiers stand for: ``{"%i": "9181", "%j": "token", "%d": ...}``."""

    file: Path
    specifiers: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """The program and its arguments, as they stand in the unit."""
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(self.file.read_text(encoding="utf-8"))
        return self._resolved(parser["Service"]["ExecStart"]).split()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the unit sets; those of its files are not among them."""
        found = re.findall(r"^Environment=(\w+)=(.*)$", self.file.read_text(encoding="utf-8"), re.MULTILINE)
        return {name: self._resolved(value) for name, value in found}

    def _resolved(self, text: str) -> str:
        return re.sub(r"%[a-z]", lambda found: self.specifiers[found[0]], text)
