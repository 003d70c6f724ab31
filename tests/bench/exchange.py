"""The requests and answers of one connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

Pairs = Sequence[tuple[str, str]]


class UnexpectedAnswerError(Exception):
    """An answer that the scenario cannot be measured with; its beginning is the message."""


# What fails a scenario, and no other one: a service that answers something else, or not at all.
FAILURES = (UnexpectedAnswerError, OSError)


class Exchange(Protocol):
    """Asks, and looks at the answer. One per connection, so it may remember.

    ``turn`` says which of the services the next request is for, where a unit of work needs several.
    """

    turn: int

    def request(self) -> bytes:
        """The next request, ready for the wire."""

    def answered(self, status: int, head: bytes, body: bytes) -> bool:
        """Whether a unit of work is complete. Raises ``UnexpectedAnswerError``."""


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
