"""One query to a store for all concurrent callers."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from itertools import chain
from typing import Generic, TypeVar

from valetkey.storage.batches import Batches

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Coalescer(Generic[Key, Answer]):
    """Collects keys for one turn of the event loop, and for as long as the previous question is unanswered.

    A caller's keys are only ever part of a question that is sent after the call, so an answer is never older than the
    call. Callers share the question's fate, but not each other's: one that is cancelled leaves the others waiting.
    """

    def __init__(self, ask: Callable[[Sequence[Key]], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._batches: Batches[Iterable[Key], Answer] = Batches(self._send)

    async def ask(self, keys: Iterable[Key]) -> Answer:
        """The answer to these keys, among others."""
        return await self._batches.ask(keys)

    async def aclose(self) -> None:
        """Stop asking. Callers that still wait are cancelled."""
        await self._batches.aclose()

    async def _send(self, asked: Sequence[Iterable[Key]]) -> Sequence[Answer]:
        # In the order in which they came.
        answer = await self._ask(list(dict.fromkeys(chain.from_iterable(asked))))
        return [answer] * len(asked)
