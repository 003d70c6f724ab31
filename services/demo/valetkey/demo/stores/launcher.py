"""Starts programs that end when this process does."""

import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

_Popen = subprocess.Popen[bytes]

_DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that a server runs as."""

    uid: int
    gid: int


def unprivileged_user() -> ServerUser | None:
    """The system user ``nobody`` where we are root, which PostgreSQL refuses; None where we need no other user."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return ServerUser(nobody.pw_uid, nobody.pw_gid)


def launch(
    program: Sequence[str | Path],
    *,
    directory: Path,
    log: Path,
    death_signal: signal.Signals,
    user: ServerUser | None = None,
) -> _Popen:
    """Start a program in ``directory``, appending what it says to ``log``; it gets ``death_signal`` when we die.

    It has a session of its own, so that Ctrl-C reaches us alone and we stop it in our order. It sees nothing of our
    environment. Safe to call from any thread. Raises ``OSError`` when the program cannot be started.
    """
    uid, gid = (user.uid, user.gid) if user else (-1, -1)
    command = [sys.executable, "-I", "-S", str(_DIE_WITH_PARENT), str(os.getpid()), str(int(death_signal))]
    command += [str(uid), str(gid), *map(str, program)]

    def start() -> _Popen:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=directory,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    return _launching_thread.run(start)


class _LaunchingThread:
    """Runs everything that forks in one thread that lives as long as the process.

    Linux sends the parent-death signal when the *thread* that forked ends; a thread from a pool may end early.
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[tuple[Callable[[], _Popen], Future[_Popen]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, start: Callable[[], _Popen]) -> _Popen:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="launcher", daemon=True)
                self._thread.start()
        started: Future[_Popen] = Future()
        self._requests.put((start, started))
        return started.result()

    def _serve(self) -> None:
        while True:
            start, started = self._requests.get()
            try:
                started.set_result(start())
            except (OSError, subprocess.SubprocessError) as error:
                started.set_exception(error)


_launching_thread = _LaunchingThread()
