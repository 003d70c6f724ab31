"""A port to listen on, which can be given up without losing a connection.

When a listening socket closes, the kernel resets every connection that is complete and not yet accepted, together with
the request that its client has already sent. A proxy may repeat a request only if it was not sent. So the listener
first stops new connections, and then serves the accepted ones.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import BaseTransport
    from collections.abc import Iterator

BACKLOG = 1024
# How long a connection that has begun may take to be complete and to send its request, which the client may have to
# send twice. Seconds.
SETTLING_SECONDS = 0.5

# Linux's numbers; IP_MINTTL is in ip(7), IPV6_MINHOPCOUNT in linux/in6.h.
_LEAST_HOPS = {
    socket.AF_INET: (socket.IPPROTO_IP, 21),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 73),
}
_MOST, _ANY = 255, 0


class AddressTakenError(OSError):
    """Another process listens at an address that this one was to have; the text says what to do."""


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket of this address, which does not listen yet; port 0 is a free one. Raises ``OSError``.

    ``shared``: other sockets of the same user that are shared too may have the same address. The kernel distributes
    connections over those that listen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


@contextmanager
def explained(host: str, port: int, advice: str) -> Iterator[None]:
    """Raise ``AddressTakenError`` with this advice where the block finds the address taken."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise AddressTakenError(f"{host} port {port} is taken by another process: {advice}") from error


def url_of(bound: socket.socket) -> str:
    """Where a bound socket is reached, without a trailing slash."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def stop_accepting(listening: socket.socket) -> None:
    """Let no connection begin any more, and those that have begun arrive.

    The packet that begins a connection must have crossed no router and come with the highest hop count, which none
    has: the kernel drops it. The client gets no answer and repeats the packet after a second. By then the port is
    closed: a refusal, upon which every proxy goes to another replica. Unlike a packet filter this needs no capability.
    Elsewhere than on Linux nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    listening.setsockopt(*_LEAST_HOPS[listening.family], _MOST)
    await asyncio.sleep(SETTLING_SECONDS)


def let_in(transport: BaseTransport) -> None:
    """Accept packets of this connection, which inherited the hop limit if it was completed under it."""
    accepted: socket.socket | None = transport.get_extra_info("socket")
    if accepted is None or not sys.platform.startswith("linux"):
        return
    # What an event loop hands out is not a whole socket.
    whole = socket.socket(fileno=accepted.fileno())
    try:
        whole.setsockopt(*_LEAST_HOPS[whole.family], _ANY)
    finally:
        whole.detach()
