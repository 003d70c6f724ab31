"""Ports that are bound before anything slow begins, so that no other process binds them meanwhile."""

from __future__ import annotations

import socket

from valetkey.demo.demo_error import DemoError
from valetkey.demo.free_port import LOOPBACK, free_port

_BACKLOG = 1024
# Where the other parts of the demo listen, from the issuer's port on.
NEIGHBOURS = (1, 2, 3)


def listen_at(port: int) -> socket.socket:
    """A socket that listens on this loopback port, or on a free one for 0. Raises ``DemoError`` where it is taken."""
    try:
        return _listen(port or free_port(beside=NEIGHBOURS))
    except PermissionError:
        raise DemoError(f"Port {port} is for administrators: choose another with --issuer-port.") from None
    except OSError:
        raise DemoError(
            f"Port {port} is taken, perhaps by another demo: end that, or choose another port with --issuer-port."
        ) from None


def listen_near(port: int) -> socket.socket:
    """A socket on this port, or on a free one where it is taken."""
    try:
        return _listen(port)
    except (OSError, OverflowError):
        return _listen(free_port())


def port_of(listener: socket.socket) -> int:
    """The port that it listens on."""
    port: int = listener.getsockname()[1]
    return port


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - socket's signature
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener
