"""One question to a store for everybody who is asking at the moment."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Coalescer(Generic[Key, Answer]):
    """Collects keys for one turn of the event loop, and for as long as the previous question is unanswered.

    A caller's keys are only ever part of a question that is sent after the call, so an answer is never older than the
    call. Callers share the question's fate, but not each other's: one that is cancelled leaves the others waiting.
    """

    def __init__(self, ask: Callable[[Sequence[Key]], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()
        self._open: _Question[Key, Answer] | None = None
        self._asking: set[asyncio.Task[Answer]] = set()

    async def ask(self, keys: Iterable[Key]) -> Answer:
        """The answer to these keys, among others."""
        question = self._open
        if question is None:
            question = self._open = _Question()
            question.answer = asyncio.create_task(self._send(question))
            self._asking.add(question.answer)
            question.answer.add_done_callback(self._asking.discard)
        question.keys.update(dict.fromkeys(keys))
        return await asyncio.shield(question.answer)

    async def aclose(self) -> None:
        """Stop asking. Whoever still waits is cancelled."""
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _send(self, question: "_Question[Key, Answer]") -> Answer:
        async with self._turn:
            self._open = None
            return await self._ask(list(question.keys))


class _Question(Generic[Key, Answer]):
    """Keys, in the order in which they came, and the task that asks for them."""

    answer: asyncio.Task[Answer]

    def __init__(self) -> None:
        self.keys: dict[Key, None] = {}
