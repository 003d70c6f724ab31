"""SIGTERM for programs that run once. Services have a drain of their own."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# What a shell reports of a program that the signal has ended.
TERMINATED = 128 + signal.SIGTERM

_log = logging.getLogger(__name__)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt the block as Ctrl-C does: transactions roll back, connections close.

    The program then exits with ``TERMINATED``, unless what it did was done all the same. The kernel keeps a signal
    without a handler from process 1 of a container, which would then be waited for until it is killed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread receives signals.
        return
    told = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        # The current handler of Ctrl-C: asyncio cancels its main task.
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(number, frame)
        else:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        if not told or (isinstance(error, SystemExit) and not error.code):
            raise
        _log.warning("stopped by SIGTERM")
        raise SystemExit(TERMINATED) from error
    finally:
        # An event loop in the block may have put its own handler there.
        if signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, before)
