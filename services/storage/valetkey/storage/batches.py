"""Many questions to a store in one exchange: whatever is asked in one turn of the event loop, and while one is out."""

from __future__ import annotations

import asyncio
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from valetkey.runtime.telemetry.tracing import detached_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

Question = TypeVar("Question")
Answer = TypeVar("Answer")
_MOST = 256


class Batches(Generic[Question, Answer]):
    """Sends one batch at a time, of at most ``most`` questions.

    ``send`` answers each question, in their order, with an answer or with the exception that its caller gets; what it
    raises, every caller in the batch gets. A question is sent only after it was asked, and not at all if its caller
    was cancelled before. A caller that is cancelled later does not cancel the batch.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Question]], Awaitable[Sequence[Answer | Exception]]],
        *,
        most: int = _MOST,
    ) -> None:
        self._send = send
        self._most = most
        self._turn = asyncio.Lock()
        self._open: _Batch[Question, Answer] = []
        self._sending: set[asyncio.Task[None]] = set()

    def ask(self, question: Question) -> asyncio.Future[Answer]:
        """The answer, to be awaited by one caller."""
        batch = self._open
        if not batch or len(batch) >= self._most:
            batch = self._open = []
            task = detached_task(self._carry(batch), "batch")
            self._sending.add(task)
            task.add_done_callback(lambda task: self._ended(task, batch))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        batch.append((question, answer))
        return answer

    async def aclose(self) -> None:
        """Stop asking. Callers that still wait are cancelled."""
        sending = list(self._sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _carry(self, batch: _Batch[Question, Answer]) -> None:
        async with self._turn:
            if self._open is batch:
                self._open = []
            waiting = [(question, answer) for question, answer in batch if not answer.done()]
            answers = await self._send([question for question, _ in waiting]) if waiting else ()
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _ended(self, task: asyncio.Task[None], batch: _Batch[Question, Answer]) -> None:
        self._sending.discard(task)
        share_end(task, (future for _, future in batch))


_Batch = list[tuple[Question, asyncio.Future[Answer]]]


def share_end(task: asyncio.Task[None], waiting: Iterable[asyncio.Future[Any]]) -> None:
    """Give the exception of this ended task, or its cancellation, to every future that is not done."""
    error = None if task.cancelled() else task.exception()
    for future in waiting:
        if future.done():
            continue
        if error is None:
            future.cancel()
        else:
            future.set_exception(_one_of(error))


def _one_of(error: BaseException) -> BaseException:
    """A copy where there can be one: an exception that several tasks raise grows a traceback of all of them."""
    try:
        one = copy(error)
    except TypeError:
        return error
    one.__cause__ = error.__cause__ or error.__context__
    return one
