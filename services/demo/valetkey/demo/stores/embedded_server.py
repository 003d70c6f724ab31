"""A real server on the loopback interface, started and stopped by this process and gone when it is."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from valetkey.demo.free_port import free_port, hold_port, release_port
from valetkey.demo.stores.launcher import ServerUser, launch

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 15.0
_POLL_INTERVAL = 0.01
_LOG_TAIL = 4_000
_PORTS_TO_TRY = 5
_PORT_IS_TAKEN = "Address already in use"


class EmbeddedServerError(Exception):
    """A server could not be started; the message ends with what it said itself."""


class EmbeddedServer(ABC):
    """What PostgreSQL and Redis have in common: a directory, a port, and a life that can be cut short.

    Without ``directory`` it keeps its data in a temporary one, removed by ``close``. The port is free when it starts
    first, and kept over restarts.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    death_signal: ClassVar[signal.Signals]

    def __init__(self, directory: Path | None = None, *, user: ServerUser | None = None) -> None:
        self._is_temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"valetkey-{self.name.lower()}-"))
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Held for life: while the server is down, no other process may take the port that it comes back to.
        self.port = hold_port(self._find_port())
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False
        if user is not None:
            os.chown(self.directory, user.uid, user.gid)

    @property
    def log(self) -> Path:
        """Everything the server has said."""
        return self.directory / "log"

    @property
    def pid(self) -> int | None:
        """The process, or None when none is running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start, and return when it answers. Raises ``EmbeddedServerError`` when it will not."""
        if self.pid is not None:
            return
        atexit.register(self.close)
        for others in reversed(range(_PORTS_TO_TRY)):
            try:
                self._start()
            except EmbeddedServerError as error:
                # Another process took the port after it was found free. No client knows the port yet, so try another.
                if self._has_run or not others or _PORT_IS_TAKEN not in str(error):
                    raise
                release_port(self.port)
                self.port = hold_port(self._find_port())
            else:
                self._has_run = True
                return

    def _start(self) -> None:
        self._process = launch(
            self._prepare(), directory=self.directory, log=self.log, death_signal=self.death_signal, user=self._user
        )
        deadline = time.monotonic() + _START_TIMEOUT
        # First whether it lives: on a port that it could not bind, another process may answer, or stay silent.
        while self._process.poll() is not None or not self._is_ready():
            if self._process.poll() is not None:
                raise self._failure("ended while starting")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failure(f"did not answer within {_START_TIMEOUT:.0f} s")
            time.sleep(_POLL_INTERVAL)

    def stop(self) -> None:
        """Terminate it; a process that has not ended within 15 s is killed."""
        if self._process is None:
            return
        if self.pid is not None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """Cut it off with SIGKILL, its children included, as a power failure would."""
        if self._process is None or self.pid is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._process.wait()
        self._process = None
        while not all(map(_is_gone, children)):
            time.sleep(_POLL_INTERVAL)

    def restart(self) -> None:
        """Stop if it runs, then start with the same data on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop for good, and remove the directory if it was temporary."""
        self.stop()
        atexit.unregister(self.close)
        release_port(self.port)
        if self._is_temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _prepare(self) -> Sequence[str | Path]:
        """Make the directory ready and say the command to start."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether the process that was just started answers."""

    def _find_port(self) -> int:
        """A port for its first start."""
        return free_port()

    def _failure(self, what: str) -> EmbeddedServerError:
        said = self.log.read_text(errors="replace")[-_LOG_TAIL:] if self.log.exists() else ""
        return EmbeddedServerError(f"{self.name} {what}\n{said}")


def _is_gone(process: psutil.Process) -> bool:
    """Whether it has ended; in a container no parent may ever collect the zombie."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
