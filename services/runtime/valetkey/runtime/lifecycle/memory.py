"""The memory of a process that has started and will only serve from now on."""

from __future__ import annotations

import ctypes
import gc

# Requests make few cycles, and every request waits while a collection looks at ten thousand clients for 30 ms. So the
# collector looks after ten thousand new objects instead of 700, and at everything only after millions.
THRESHOLDS = 10_000, 20, 20


def settle() -> None:
    """Give back what only start-up needed, and keep the collector from looking at what stays for good."""
    gc.collect()
    _give_back()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def _give_back() -> None:
    # Where the C library knows how to; glibc otherwise keeps what is free between what is not.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
