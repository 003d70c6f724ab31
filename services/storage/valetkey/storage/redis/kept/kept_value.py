"""A kept value that must not be believed is as if it were not there, whatever is wrong with it, and is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from valetkey.core.sealed_value import Refusal, ValueRefused
from valetkey.storage.redis.messages.wire import NotAMessage
from valetkey.storage.sealing import tell_refused

if TYPE_CHECKING:
    from types import TracebackType

    from valetkey.core.sealed_value import Purpose


class Untrusted:
    """A context in which kept values of one kind are read. It ends where one is refused, as if that were absent."""

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Whether it was a value that was refused."""
        refusal = _refusal(error)
        if refusal is None:
            return False
        tell_refused(self._purpose, refusal)
        return True


def _refusal(error: BaseException | None) -> Refusal | None:
    if isinstance(error, ValueRefused):
        return error.refusal
    # What Redis has there is no string: a script says so in words of its own.
    if isinstance(error, NotAMessage) or (isinstance(error, ResponseError) and "WRONGTYPE" in str(error)):
        return Refusal.MALFORMED
    return None
