"""What one connection says, over and over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

Pairs = Sequence[tuple[str, str]]


class UnexpectedAnswerError(Exception):
    """An answer that the scenario cannot be measured with; its beginning is the message."""


class Conversation(Protocol):
    """Asks, and looks at the answer. One per connection, so it may remember."""

    def request(self) -> bytes:
        """The next request, ready for the wire."""

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """Whether a unit of work is complete. Raises ``UnexpectedAnswerError``."""


class Repeated:
    """The same request again and again, each answered with the same status."""

    def __init__(self, request: bytes, status: int = 200, containing: bytes = b"") -> None:
        self._request = request
        self._status = status
        self._containing = containing

    def request(self) -> bytes:
        """See ``Conversation``."""
        return self._request

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """See ``Conversation``."""
        require(status == self._status and (self._containing in body or self._containing in head), status, body)
        return True


class Cycled(Repeated):
    """Requests that differ, one after the other."""

    def __init__(self, requests: Sequence[bytes], status: int = 200, containing: bytes = b"") -> None:
        super().__init__(b"", status, containing)
        self._requests = requests
        self._next = 0

    def request(self) -> bytes:
        """See ``Conversation``."""
        self._next = (self._next + 1) % len(self._requests)
        return self._requests[self._next]


def require(holds: bool, status: int, body: bytes) -> None:
    """Raise ``UnexpectedAnswerError`` unless it holds."""
    if not holds:
        raise UnexpectedAnswerError(f"{status} {body[:300].decode(errors='replace')}")


def get(target: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A GET request."""
    return _head("GET", target, headers or {}) + b"\r\n"


def post(target: str, form: Pairs, headers: Mapping[str, str] | None = None) -> bytes:
    """A POST request with a form."""
    body = urlencode(form).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body)), **(headers or {})}
    return _head("POST", target, sent) + b"\r\n" + body


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n").encode()
