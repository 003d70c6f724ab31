"""A port on the loopback interface that nothing listens on."""

import errno
import os
import secrets
import socket
import sys
from collections.abc import Sequence

LOOPBACK = "127.0.0.1"

# Below the range that systems take outgoing ports from: while a server is down, no connection of
# another process can occupy the port it must come back to.
_FIRST = 20_000
_LAST = 32_767
_ATTEMPTS = 100
# Between the guess and the server that listens there may be seconds, and other guesses, of other processes too.
_MOST_CLAIMED = 64
# File descriptors by port: those that the next claims replace, and those that are held until they are released.
_claims: dict[int, int] = {}
_held: dict[int, int] = {}


def free_port(*, beside: Sequence[int] = ()) -> int:
    """A TCP port that is free and claimed: no other process gets it from here before 64 more were asked for.

    So are the ports ``beside`` it, which are so much higher. Raises ``OSError`` when a hundred guesses were all taken.
    """
    for _ in range(_ATTEMPTS):
        port = _FIRST + secrets.randbelow(_LAST - max(beside, default=0) - _FIRST + 1)
        if all(is_free(each) and _claim(each) for each in (port, *(port + more for more in beside))):
            return port
    raise OSError(errno.EADDRINUSE, f"found no free port between {_FIRST} and {_LAST}")


def hold_port(port: int) -> int:
    """Keep the claim to a port of ``free_port`` until ``release_port``, however many more are asked for."""
    claim = _claims.pop(port, None)
    if claim is not None:
        _held[port] = claim
    return port


def release_port(port: int) -> None:
    """Give up the claim to a port that is held."""
    claim = _held.pop(port, None)
    if claim is not None:
        os.close(claim)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _claim(port: int) -> bool:
    if sys.platform != "linux":
        return True
    # A name that exists as long as it is held, and as far as the port does: in this network namespace.
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0valetkey-port-{port}")
    except OSError:
        claim.close()
        return False
    # Held by its number, so that the end of the process is no leak to warn of.
    _claims[port] = claim.detach()
    if len(_claims) > _MOST_CLAIMED:
        os.close(_claims.pop(next(iter(_claims))))
    return True
