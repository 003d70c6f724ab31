"""A program at a terminal of its own, and a person who answers what it asks."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

_PATIENCE = 60.0  # seconds


def answered(
    command: Sequence[str], environment: Mapping[str, str], answers: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """Run a program; each time its words appear, type the answer. Its exit code, and what the terminal showed."""
    ours, its = os.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=its, stdout=its, stderr=its, env=dict(environment)
    ) as process:
        os.close(its)
        shown, seen, waiting = "", 0, list(answers)
        deadline = time.monotonic() + _PATIENCE
        # Linux answers the end of the other side with EIO.
        with suppress(OSError):
            while select.select([ours], [], [], max(0, deadline - time.monotonic()))[0] and (
                chunk := os.read(ours, 4096)
            ):
                shown += chunk.decode()
                if waiting and waiting[0][0] in shown[seen:]:
                    seen = len(shown)
                    os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
        # What still waits for an answer is hung up on.
        os.close(ours)
        try:
            return process.wait(_PATIENCE), shown
        finally:
            process.kill()
