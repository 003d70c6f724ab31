"""One replica of a service: a process with a log of its own, that can be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from typing import TYPE_CHECKING

from support.repository import ROOT
from valetkey.demo.free_port import LOOPBACK, free_port, hold_port
from valetkey.demo.stores.embedded_server import EmbeddedServer, EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ENV = "/usr/bin/env"
# The words of ``runtime.http.errors`` for it.
_BUG = "unhandled error"


class Replica(EmbeddedServer):
    """``settings`` by name, as their variables would have them. Keeps its address for life."""

    name = "replica"
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL

    def __init__(self, service: str, number: int, settings: Mapping[str, str]) -> None:
        super().__init__()
        self.service = service
        self.number = number
        self.mutation = ""
        self._settings = settings
        self._management_port = hold_port(free_port())
        self._is_known = False
        self.set_clock(0.0)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def set_clock(self, ahead: float) -> None:
        """Make its clock wrong by so many seconds. The file is written in place, for it is open."""
        file = os.open(self._clock, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, f"{ahead:<32}".encode(), 0)
        finally:
            os.close(file)

    def bugs(self) -> list[str]:
        """What its log says of unexpected errors, each as one line of JSON, or of text where it has none."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [f"{self.service}-{self.number} logged: {line}" for line in lines if _BUG in line]

    @property
    def _clock(self) -> Path:
        return self.directory / "clock"

    def _start(self) -> None:
        try:
            super()._start()
        except EmbeddedServerError:
            if self._is_known:
                raise
            # Another process took the port after it was found free. No client knows the address yet.
            self.port, self._management_port = hold_port(free_port()), free_port()
            super()._start()
        self._is_known = True

    def _prepare(self) -> Sequence[str | Path]:
        settings = {
            **self._settings,
            "host": LOOPBACK,
            "port": str(self.port),
            "management_port": str(self._management_port),
        }
        variables = [f"VALETKEY_{name.upper()}={value}" for name, value in settings.items()]
        program = [sys.executable, "-m", "faults.served", self.service, str(self._clock), self.mutation]
        return [_ENV, f"PYTHONPATH={ROOT / 'tests'}", *variables, *filter(None, program)]

    def _is_ready(self) -> bool:
        url = f"http://{LOOPBACK}:{self._management_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return True
        except OSError:
            return False
