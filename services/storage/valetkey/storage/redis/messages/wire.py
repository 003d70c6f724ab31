"""What every message has in common: times, identifiers, and when it must be refused. See ``proto/README.md``."""

from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from google.protobuf.message import DecodeError

from valetkey.core.oauth.errors import TemporarilyUnavailable

# Goes up with every field that forbids something.
READER = 2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UnreadableMessage(TemporarilyUnavailable):
    """Written for a newer release, or not by us. Another replica may be able to read it."""


class NotAMessage(UnreadableMessage):
    """Not written by any release of ours."""


class Message(Protocol):
    """A message that stands by itself under a key."""

    min_reader: int

    def ParseFromString(self, serialized: bytes, /) -> int:  # noqa: N802 - protobuf's name
        """Fill this message."""


M = TypeVar("M", bound=Message)


def parse(message: M, data: bytes) -> M:
    """Fill the message from what was kept; ``UnreadableMessage`` if we must not act on it."""
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise NotAMessage("not a message") from error
    if message.min_reader > READER:
        raise UnreadableMessage("written for a newer release")
    return message


def to_microseconds(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """The moment, in UTC; ``NotAMessage`` for one that no calendar has."""
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError as error:
        raise NotAMessage("not a time") from error


def to_uuid(data: bytes) -> UUID:
    """The identifier; ``NotAMessage`` if it is none."""
    try:
        return UUID(bytes=data)
    except ValueError as error:
        raise NotAMessage("not an identifier") from error
