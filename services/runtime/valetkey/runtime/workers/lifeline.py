"""A worker does not outlive its supervisor, however that ended and whatever the worker is busy with."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

# What a shell reports of a program that was killed.
_KILLED = 128 + signal.SIGKILL


def hold(channel: socket.socket, grace: float) -> None:
    """Interrupt this process when the other end of the channel is gone, and end it ``grace`` seconds later.

    A thread looks, for an event loop that hangs would not; the kernel hangs up even for a supervisor that was killed.
    """
    threading.Thread(target=_watch, args=(channel.fileno(), grace), name="lifeline", daemon=True).start()


def _watch(descriptor: int, grace: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    poll.poll()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(grace)
    os._exit(_KILLED)
