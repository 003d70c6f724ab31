"""What the exit code of a worker says, and what to do about it."""

from __future__ import annotations

import signal

CONFIGURATION = 78


def describe(code: int) -> tuple[str, str]:
    """How it ended, and what an operator does about it; ``code`` is negative for a signal."""
    if code == 0:
        return "stopped", "nothing failed: somebody told this worker to stop; tell the supervisor instead"
    if code == -signal.SIGKILL:
        return "killed by SIGKILL", (
            "if nobody did it, memory ran out: look into the kernel's log, then give it more or run fewer workers"
        )
    if code < 0:
        return f"killed by {_name(-code)}", "if nobody did it, it crashed: its last lines above say where; report it"
    return f"exit code {code}", "its last lines above say why"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
