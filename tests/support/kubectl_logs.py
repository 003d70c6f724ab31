"""What ``kubectl logs`` shows, as far as the pages of this repository ask for it."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from support.chart import Pod

# kubectl logs --help: "Defaults to -1 with no selector, showing all log lines otherwise 10, if a selector is provided."
_TAIL_OF_SELECTED = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """Which pods, and how much of each."""

    name: str
    selector: dict[str, str]
    tail: int
    has_prefix: bool

    @classmethod
    def of(cls, line: str) -> Asked:
        """Read a command line. ``SystemExit`` for an option that no page has used so far."""
        parser = argparse.ArgumentParser(prog="kubectl")
        parser.add_argument("-n", "--namespace", required=True)
        parser.add_argument("verb", choices=["logs"])
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("-l", "--selector", default="")
        parser.add_argument("--since")
        parser.add_argument("--tail", type=int)
        parser.add_argument("--prefix", action="store_true")
        given = parser.parse_args(shlex.split(line)[1:])
        selector = dict(each.split("=") for each in given.selector.split(",") if each)
        tail = given.tail if given.tail is not None else _TAIL_OF_SELECTED if selector else -1
        return cls(given.name, selector, tail, given.prefix)

    def selects(self, pod: Pod) -> bool:
        """Whether it shows the logs of this one; a name that is to be filled in is that of any."""
        return self.selector.items() <= pod.labels.items()

    def shown(self, log: Path) -> str:
        """What it shows of a pod that has written this."""
        lines = log.read_text(encoding="utf-8").splitlines()
        prefix = f"[pod/valetkey-{log.name}-0/{log.name}] " if self.has_prefix else ""
        return "".join(f"{prefix}{line}\n" for line in (lines if self.tail < 0 else lines[-self.tail :]))
