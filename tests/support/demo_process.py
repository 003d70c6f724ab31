"""The demo as a process of its own, as a user starts it at a terminal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_READY_SECONDS = 60
_END_SECONDS = 30
_POLL_SECONDS = 0.02


@dataclass
class DemoProcess:
    """One running demo. ``family`` is every process that belonged to it when last asked."""

    process: subprocess.Popen[str]
    directory: Path

    @classmethod
    def start(cls, directory: Path, *arguments: str, **variables: str) -> DemoProcess:
        """Start it in a directory, without a browser, with these variables set; it is not ready yet."""
        process = subprocess.Popen(
            [sys.executable, "-m", "valetkey.demo", "--no-open", *arguments],
            cwd=directory,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return cls(process, directory)

    @property
    def file(self) -> Path:
        return self.directory / ".demo" / "demo.json"

    @property
    def document(self) -> dict[str, Any]:
        """What demo.json says."""
        content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return content

    @property
    def environment(self) -> dict[str, str]:
        """The variables that .demo/env sets, without the path of programs."""
        lines = (self.directory / ".demo" / "env").read_text(encoding="utf-8").splitlines()
        words = [shlex.split(line)[1].partition("=") for line in lines if line.startswith("export VALETKEY_")]
        return {name: value for name, _, value in words}

    def wait_until_ready(self) -> DemoProcess:
        deadline = time.monotonic() + _READY_SECONDS
        while not self.file.exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "the demo did not become ready"
            time.sleep(_POLL_SECONDS)
        return self

    def family(self) -> list[psutil.Process]:
        """The demo and everything it has started."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def end(self, *signals: signal.Signals) -> str:
        """Send the signals one after the other, and return all it has said once it has ended."""
        for each in signals:
            self.process.send_signal(each)
        return self.output()

    def output(self) -> str:
        """All it has said, once it has ended by itself."""
        try:
            return self.process.communicate(timeout=_END_SECONDS)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def still_running(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those of the family that run on; in a container no parent may ever collect zombies."""
    return [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
