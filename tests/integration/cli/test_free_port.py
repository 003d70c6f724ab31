"""Ports for servers that have not begun to listen yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from valetkey.demo import free_port as module
from valetkey.demo.free_port import free_port

FIRST, LAST = 20_000, 20_119
OTHER_PROCESS = f"""
from valetkey.demo import free_port as module
module._LAST = {LAST}
print(*(module.free_port() for _ in range(30)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port can only be looked at, not claimed")
def test_nobody_is_given_a_port_that_somebody_may_still_come_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LAST", LAST)

    ours = [free_port() for _ in range(30)]
    others = subprocess.run([sys.executable, "-c", OTHER_PROCESS], capture_output=True, check=True, text=True)

    ports = [*ours, *map(int, others.stdout.split())]
    assert len(set(ports)) == 60
    assert all(FIRST <= port <= LAST for port in ports)
