"""Ports for servers that have not begun to listen yet."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys

import pytest

from valetkey.demo import free_port as module
from valetkey.demo.free_port import free_port, hold_port, release_port

FIRST, LAST = 20_000, 20_119
OTHER_PROCESS = f"""
from valetkey.demo import free_port as module
module._LAST = {LAST}
print(*(module.free_port() for _ in range(30)))
"""

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port can only be looked at, not claimed")


@LINUX
def test_a_port_that_a_client_may_still_use_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LAST", LAST)

    ours = [free_port() for _ in range(30)]
    others = subprocess.run([sys.executable, "-c", OTHER_PROCESS], capture_output=True, check=True, text=True)

    ports = [*ours, *map(int, others.stdout.split())]
    assert len(set(ports)) == 60
    assert all(FIRST <= port <= LAST for port in ports)


@LINUX
def test_a_port_that_is_held_stays_claimed_until_it_is_released() -> None:
    held = hold_port(free_port())
    for _ in range(100):
        free_port()

    before = is_claimed(held)
    release_port(held)

    assert before
    assert not is_claimed(held)


@LINUX
def test_a_bus_port_is_claimed_with_its_port() -> None:
    port = free_port(beside=[10_000])

    assert port + 10_000 <= 32_767
    assert is_claimed(port)
    assert is_claimed(port + 10_000)


def is_claimed(port: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        try:
            claim.bind(f"\0valetkey-port-{port}")
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
