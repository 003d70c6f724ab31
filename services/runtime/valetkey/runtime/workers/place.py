"""What a supervisor tells a worker on its command line. The rest of its settings are those of everybody."""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTION = "--worker"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker works: its number, the port that all share, and two inherited descriptors.

    ``channel`` is the way to the supervisor, ``lock`` the file that is locked while a line is written.
    ``joins_when_able``: others serve already, so listen only once nothing is missing any more.
    """

    slot: int
    port: int
    channel: int
    lock: int
    joins_when_able: bool

    def arguments(self) -> list[str]:
        """As a command line, which ``ps`` shows."""
        numbers = (f"{_OPTION}={self.slot}", f"--port={self.port}", f"--channel={self.channel}", f"--lock={self.lock}")
        return [*numbers, *(["--join-when-able"] if self.joins_when_able else [])]

    def open_channel(self) -> socket.socket:
        """The inherited socket; call it once. Raises ``OSError`` where no supervisor has left one."""
        return socket.socket(fileno=self.channel)


def place_from(arguments: Sequence[str]) -> Place | None:
    """The place that these arguments name, None where they name none: then this process is nobody's worker."""
    if not any(each.startswith(f"{_OPTION}=") for each in arguments):
        return None
    parser = argparse.ArgumentParser(description="Written by a supervisor, for a worker that it starts.")
    for name in ("worker", "port", "channel", "lock"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--join-when-able", action="store_true")
    told = parser.parse_args(arguments)
    return Place(told.worker, told.port, told.channel, told.lock, told.join_when_able)
