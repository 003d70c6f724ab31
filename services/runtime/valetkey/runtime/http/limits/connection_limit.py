"""How many connections a process may hold, in all and of one address, and what one more is told."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import TYPE_CHECKING, NamedTuple, cast

from aiohttp import web

from valetkey.runtime.http.address import limited_group
from valetkey.runtime.telemetry.metrics import HTTP_SHED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from valetkey.runtime.settings.types import Network

# File descriptors for everything else: stores, listening sockets, logs, and connections that are being refused.
RESERVED = 256
# More than a proxy keeps open, and what an idle connection costs in memory stays within that of a container.
MOST = 4096
MAX_REFUSALS = 64
# More than the largest answer of ours, in bytes.
SEND_BUFFER = 128 << 10
_LINGERING_SECONDS = 1.0
MAX_CONNECTIONS = web.AppKey("max_connections", int)
CONNECTIONS_PER_ADDRESS = web.AppKey("connections_per_address", int)
# What one address may hold of all connections, unless settings say how many.
PART = 4
_BODY = b'{"error":"temporarily_unavailable","error_description":"There are too many connections; try again."}'
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
    b"Retry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


def connections_allowed(configured: int) -> int:
    """So many connections as configured, 0 for as many as there is room for; never more than file descriptors allow."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return configured or MOST
    room = max(soft - RESERVED, soft // 2)
    return min(configured or MOST, room)


def connections_of_one(configured: int, allowed: int, in_flight: int) -> int:
    """So many connections of one address as configured; 0 for a part of those ``allowed``.

    And of the requests that may be in progress, where that is less: each connection may have one.
    """
    return min(configured or max(min(allowed, in_flight) // PART, 1), allowed)


def bound_send_buffer(transport: asyncio.BaseTransport) -> None:
    """Let the kernel keep so much of what a client does not read; by itself it keeps megabytes of small answers."""
    accepted: socket.socket | None = transport.get_extra_info("socket")
    if accepted is None:
        return
    # What an event loop hands out is not a whole socket.
    whole = socket.socket(fileno=accepted.fileno())
    try:
        whole.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    finally:
        whole.detach()


class AddressShares:
    """How many connections each address holds, IPv6 by /64; one that holds its share gets no more.

    Our own proxies are not counted, because all clients behind one have its address.
    """

    def __init__(self, most: int, trusted: Sequence[Network]) -> None:
        self._most = most
        self._trusted = trusted
        self._held: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, transport: asyncio.BaseTransport) -> Share | None:
        """The share that this connection is of, to be given back with it; None where the address has none left."""
        peer = transport.get_extra_info("peername")
        group = limited_group(peer[0], self._trusted) if isinstance(peer, tuple) else None
        if group is None:
            return Share(self, None)
        held = self._held.get(group, 0)
        if held >= self._most:
            return None
        self._held[group] = held + 1
        return Share(self, group)

    def give_back(self, group: str) -> None:
        """One connection of the group is gone."""
        held = self._held[group] - 1
        if held:
            self._held[group] = held
        else:
            del self._held[group]


class Share(NamedTuple):
    """One connection's part of what its address may hold; ``group`` is None where nothing is counted."""

    shares: AddressShares
    group: str | None

    def give_back(self) -> None:
        """The connection is gone."""
        if self.group is not None:
            self.shares.give_back(self.group)


class Refusals:
    """The connections that are being refused, a bounded number of them."""

    def __init__(self) -> None:
        self._open: dict[Refusal, None] = {}

    def make(self, limit: str) -> Refusal:
        """One more, of this limit; the oldest is not waited for any longer where there are too many."""
        if len(self._open) >= MAX_REFUSALS:
            next(iter(self._open)).abort()
        refusal = Refusal(limit, self._forget)
        self._open[refusal] = None
        return refusal

    def _forget(self, refusal: Refusal) -> None:
        self._open.pop(refusal, None)


class Refusal(asyncio.Protocol):
    """A connection that is one too many: 503 at once, and closed as soon as its client has taken note."""

    def __init__(self, limit: str, forget: Callable[[Refusal], None]) -> None:
        self._limit = limit
        self._forget = forget
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer without reading: to close before the client has read would take the answer back."""
        HTTP_SHED.add(self._limit)
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_REFUSAL)
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGERING_SECONDS, self.abort)

    def abort(self) -> None:
        """Do not wait for the client any longer."""
        self._forget(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - whatever it was
        """The client has closed."""
        self._forget(self)
