"""Prometheus' own checker, where it is installed (Debian: ``prometheus``)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SECONDS = 120


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it. The test is skipped where there is none."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool on PATH (Debian: prometheus)")
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=_SECONDS
    )
