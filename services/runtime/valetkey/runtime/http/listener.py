"""A port to listen on, which can be given up without losing a connection.

When a listening socket closes, the kernel resets every connection that is complete and not yet accepted, together with
the request that its client has already sent. A proxy may send a request again only if it was not sent: so newcomers are
kept out first, and whoever was let in is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys

BACKLOG = 1024
# How long a connection that has begun may take to be complete, and to send its request. Seconds.
SETTLING_SECONDS = 0.25

_SO_ATTACH_FILTER = 26
_FLAGS_OF_TCP_HEADER = 13
_SYN, _ACK = 0x02, 0x10
_EVERYTHING = 0xFFFFFFFF
# Classic BPF over the TCP header of what arrives: code, jump if true, jump if false, value.
_NO_NEWCOMERS = (
    (0x30, 0, 0, _FLAGS_OF_TCP_HEADER),  # load the byte of flags
    (0x54, 0, 0, _SYN | _ACK),  # of these only SYN and ACK
    (0x15, 0, 1, _SYN),  # SYN alone begins a connection:
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, _EVERYTHING),  # anything else passes
)


def bind(host: str, port: int) -> socket.socket:
    """A socket of this address, which does not listen yet; port 0 is a free one. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


async def keep_newcomers_out(listening: socket.socket) -> None:
    """Let no connection begin any more, and those that have begun arrive.

    Whoever knocks meanwhile hears nothing, knocks again after a second, and finds the port closed by then: a refusal,
    upon which every proxy goes to another replica. Where the kernel has no such filter nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_NEWCOMERS)
    program = ctypes.create_string_buffer(code)
    descriptor = struct.pack("HP", len(_NO_NEWCOMERS), ctypes.addressof(program))
    # Some sandboxes have no such option; then a connection may be lost, as with any other server.
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, descriptor)
        await asyncio.sleep(SETTLING_SECONDS)
