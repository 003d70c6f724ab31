"""What is said to services that are measured: requests that need no memory, or conversations that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.exchange import Exchange, require

Conversations = Callable[[int], Exchange]


@dataclass(slots=True)
class Requests:
    """Sent one after the other, round and round, over however many connections.

    Each answer must have this ``status``, and ``containing`` in its body or, where that is empty, in its Location.
    ``next`` goes on from run to run, so that what was asked longest ago is always asked next.
    """

    requests: Sequence[bytes]
    status: int = 200
    containing: bytes = b""
    next: int = field(default=0, init=False)

    def take(self) -> bytes:
        """The next request."""
        request = self.requests[self.next]
        self.advance(1)
        return request

    def advance(self, number: int) -> None:
        """So many have been sent."""
        self.next = (self.next + number) % len(self.requests)

    def conversation(self, number: int) -> Exchange:  # noqa: ARG002 - every connection says the same
        """One connection's part in it, for a driver that speaks for each of them."""
        return _Part(self)


class _Part:
    turn = 0

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def request(self) -> bytes:
        return self._requests.take()

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        expected = self._requests
        require(status == expected.status and expected.containing in (body or head), status, body)
        return True


Work = Requests | Conversations
