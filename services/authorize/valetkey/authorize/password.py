"""Checking passwords: argon2id in a bounded pool that sheds load instead of queueing without end. RFC 9106.

Until everybody has signed in after a change of the costs, hashes of several costs are stored. What a wrong password
costs must not tell which of them an account has, or that there is one. So it is one hash of *each* set of parameters
that is stored: the account's own, and decoys for all others. Padding the cheaper ones with time, or with part of a
hash, would be cheaper and only nearly equal, under load less than nearly. Giving each unknown name a cost by chance
would tell the two names of one account, whose costs always agree, from those of two. A right password that counts ends
the check at once: who knows it learns nothing by that.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from valetkey.core.errors import TemporarilyUnavailable
from valetkey.runtime.metrics import (
    PASSWORD_HASH,
    PASSWORD_PARAMETERS,
    PASSWORD_QUEUE,
    PASSWORD_QUEUE_LIMIT,
    PASSWORD_SHED,
)
from valetkey.runtime.password_hash import PasswordCosts, decoy, parameters_of, verify_password

RETRY_AFTER = 2
# Each costs every wrong password a hash.
MAX_PARAMETERS = 8
_NICENESS = 19


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Whether the password is right, and its new hash where the kept one was made with other parameters."""

    is_right: bool
    new_hash: str | None = None


_WRONG = PasswordCheck(is_right=False)


class PasswordPool:
    """Hashes in ``workers`` threads with at most ``queue`` checks waiting, none of them longer than the ``deadline``.

    A wrong password costs the same whatever is stored, or nothing is: see above. A password of more than ``max_length``
    bytes of UTF-8 is wrong, and never hashed.
    """

    def __init__(
        self,
        costs: PasswordCosts,
        *,
        max_length: int,
        workers: int,
        queue: int,
        deadline: timedelta = timedelta(seconds=5),
    ) -> None:
        self._deadline = deadline.total_seconds()
        self._costs = costs
        self._max_length = max_length
        self._decoys: Mapping[str, str] = {}
        self.expect(())
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="password", initializer=_yield_to_event_loop)
        self._places = threading.BoundedSemaphore(workers + queue)
        PASSWORD_QUEUE_LIMIT.set(workers + queue)

    def expect(self, stored: Iterable[str]) -> None:
        """Count with hashes of these parameters, besides those of new ones; at most ``MAX_PARAMETERS`` in all."""
        expected = [*dict.fromkeys((self._costs.parameters, *stored))][:MAX_PARAMETERS]
        self._decoys = {each: self._decoys.get(each) or decoy(each) for each in expected}
        PASSWORD_PARAMETERS.set(len(self._decoys))

    async def check(self, password: str, password_hash: str | None) -> PasswordCheck:
        """Check a password against a user's hash; no password fits where it is None.

        Raises ``TemporarilyUnavailable`` at once where no place is free, and at the deadline if hashing has not begun:
        who asked has gone, or does not believe in an answer any more.
        """
        if not self._places.acquire(blocking=False):
            PASSWORD_SHED.add()
            raise TemporarilyUnavailable("the password queue is full", RETRY_AFTER)
        PASSWORD_QUEUE.change(1)
        own = None if password_hash is None else parameters_of(password_hash)
        if own is not None and own not in self._decoys:
            # Stored a moment ago: from now on every wrong password costs one of these too.
            self.expect((*self._decoys, own))
        try:
            future = self._executor.submit(self._check, password, password_hash)
        except RuntimeError as error:
            self._leave()
            raise TemporarilyUnavailable("the password pool is closed", RETRY_AFTER) from error
        # The place is given back when the thread is done, not when the request is: one that hangs up frees nothing.
        future.add_done_callback(self._leave)
        return await self._in_time(future)

    async def _in_time(self, future: Future[PasswordCheck]) -> PasswordCheck:
        check = asyncio.wrap_future(future)
        try:
            await asyncio.wait((check,), timeout=self._deadline)
        except asyncio.CancelledError:
            check.cancel()
            raise
        # What is under way is hashed to its end, and answered.
        if not check.done() and future.cancel():
            PASSWORD_SHED.add()
            raise TemporarilyUnavailable("the password queue is too slow", RETRY_AFTER)
        return await check

    def close(self) -> None:
        """Finish what is under way and drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _future: Future[PasswordCheck] | None = None) -> None:
        PASSWORD_QUEUE.change(-1)
        self._places.release()

    def _check(self, password: str, password_hash: str | None) -> PasswordCheck:
        if len(password.encode()) > self._max_length:
            return _WRONG
        started = time.perf_counter()
        is_right = self._verify(password, password_hash)
        PASSWORD_HASH.observe(time.perf_counter() - started)
        if password_hash is None or not is_right:
            return _WRONG
        if self._costs.are_those_of(password_hash):
            return PasswordCheck(is_right=True)
        return PasswordCheck(is_right=True, new_hash=self._costs.hash(password))

    def _verify(self, password: str, password_hash: str | None) -> bool:
        decoys = self._decoys
        own = None if password_hash is None else parameters_of(password_hash)
        if password_hash is not None and own is not None and verify_password(password_hash, password):
            return True
        for parameters, nobodys in decoys.items():
            if parameters != own:
                verify_password(nobodys, password)
        return False


def _yield_to_event_loop() -> None:
    # A hash keeps a core busy; on Linux niceness is per thread, and the highest leaves the event loop its latency. An
    # idle scheduling class would do so too, but whoever holds the interpreter's lock in it may wait for long.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
