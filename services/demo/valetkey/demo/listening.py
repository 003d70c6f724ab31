"""Ports that are bound before anything slow begins, so that no other process binds them meanwhile."""

from __future__ import annotations

import errno
import socket

from valetkey.demo.demo_error import DemoError
from valetkey.demo.free_port import LOOPBACK, free_port

_BACKLOG = 1024
LOOPBACK_IPV6 = "::1"
# Where the other parts of the demo listen, from the issuer's port on.
NEIGHBOURS = (1, 2, 3)


def listen_at(port: int) -> socket.socket:
    """A socket that listens on this loopback port, or on a free one for 0. Raises ``DemoError`` where it is taken."""
    try:
        return _listen(port or free_port(beside=NEIGHBOURS))
    except PermissionError:
        raise DemoError(f"Port {port} is for administrators: choose another with --issuer-port.") from None
    except OSError:
        raise _taken(port) from None


def listen_at_ipv6(port: int) -> socket.socket | None:
    """The same at ::1, so that no other program answers those who take `localhost` for that; None without IPv6."""
    try:
        return _listen(port, socket.AF_INET6, LOOPBACK_IPV6)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(port) from None
        return None


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


def _taken(port: int) -> DemoError:
    return DemoError(
        f"Port {port} is taken, perhaps by another demo: end that, or choose another port with --issuer-port."
    )


def _listen(port: int, family: socket.AddressFamily = socket.AF_INET, host: str = LOOPBACK) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - socket's signature
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener
