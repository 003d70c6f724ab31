"""Checking passwords: hashes in a bounded pool that sheds load instead of queueing without end. RFC 9106.

Until every user has signed in after a change of the costs, or after an import, hashes of several costs and schemes are
stored. What a wrong password
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
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from valetkey.authorize.login.fair_queue import FairQueue, QueueFullError, Source
from valetkey.core.authentication.password import normalize_password, password_spellings
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.password_hash import PasswordCosts, decoy, parameters_of, verify_password
from valetkey.runtime.telemetry.metrics import (
    PASSWORD_HASH,
    PASSWORD_PARAMETERS,
    PASSWORD_QUEUE,
    PASSWORD_QUEUE_LIMIT,
    PASSWORD_SHED,
)

RETRY_AFTER = 2
# Each costs every wrong password a hash.
MAX_PARAMETERS = 8
_NICENESS = 19
# New passwords are chosen by people who have just signed in, one at a time.
_MOST_HASHING = 8


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Whether the password is right, and its new hash where the kept one has other parameters or another spelling."""

    is_right: bool
    new_hash: str | None = None


_WRONG = PasswordCheck(is_right=False)


_ANYWHERE = Source("", "")
_CLOSED = "the password pool is closed"
_FULL = "the password queue is full"


@dataclass(eq=False, slots=True)
class _Check:
    """One password that is to be checked, and the future of what came of it."""

    password: str = field(repr=False)
    password_hash: str | None = field(repr=False)
    source: Source
    result: asyncio.Future[PasswordCheck]


class PasswordPool:
    """Hashes in ``workers`` threads with at most ``queue`` checks waiting, none of them longer than the ``deadline``.

    A wrong password costs the same whatever is stored, or nothing is: see above. A password of more than ``max_length``
    bytes of UTF-8 is wrong, and never hashed. Belongs to one event loop.
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
        self._idle = workers
        self._queue: FairQueue[_Check] = FairQueue(workers + queue)
        self._is_closed = False
        self._hashing = 0
        PASSWORD_QUEUE_LIMIT.set(workers + queue)

    def expect(self, stored: Iterable[str]) -> None:
        """Count with hashes of these parameters, besides those of new ones; at most ``MAX_PARAMETERS`` in all."""
        expected = [*dict.fromkeys((self._costs.parameters, *stored))][:MAX_PARAMETERS]
        self._decoys = {each: self._decoys.get(each) or decoy(each) for each in expected}
        PASSWORD_PARAMETERS.set(len(self._decoys))

    async def check(self, password: str, password_hash: str | None, source: Source = _ANYWHERE) -> PasswordCheck:
        """Check a password against a user's hash; no password fits where it is None.

        Raises ``TemporarilyUnavailable`` at once where the queue is full, later where a check of a lower rank displaces
        this one, and at the deadline if hashing has not begun.
        """
        if self._is_closed:
            raise TemporarilyUnavailable(_CLOSED, RETRY_AFTER)
        loop = asyncio.get_running_loop()
        check = _Check(password, password_hash, source, loop.create_future())
        self._enter(check)
        own = None if password_hash is None else parameters_of(password_hash)
        if own is not None and own not in self._decoys:
            # Stored a moment ago: from now on every wrong password costs one of these too.
            self.expect((*self._decoys, own))
        deadline = loop.call_later(self._deadline, self._shed, check, "the password queue is too slow")
        try:
            return await check.result
        finally:
            deadline.cancel()
            # A request that hangs up frees its place in the queue, but not a thread that is hashing.
            self._leave(check)

    async def hash(self, password: str) -> str:
        """The hash of a new password, with the costs of now. Raises ``TemporarilyUnavailable`` where too many wait."""
        if self._is_closed or self._hashing >= _MOST_HASHING:
            raise TemporarilyUnavailable(_CLOSED if self._is_closed else _FULL, RETRY_AFTER)
        self._hashing += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self._costs.hash, normalize_password(password))
        finally:
            self._hashing -= 1

    def close(self) -> None:
        """Finish what is under way and drop what waits."""
        self._is_closed = True
        for check in self._queue.waiting():
            self._shed(check, _CLOSED)
        self._executor.shutdown(wait=True)

    def _enter(self, check: _Check) -> None:
        try:
            displaced = self._queue.enter(check)
        except QueueFullError as error:
            PASSWORD_SHED.add()
            raise TemporarilyUnavailable(_FULL, RETRY_AFTER) from error
        PASSWORD_QUEUE.change(1)
        if displaced is not None:
            PASSWORD_QUEUE.change(-1)
            self._refuse(displaced, _FULL)
        self._start()

    def _leave(self, check: _Check) -> bool:
        is_waiting = self._queue.leave(check)
        if is_waiting:
            PASSWORD_QUEUE.change(-1)
        return is_waiting

    def _shed(self, check: _Check, reason: str) -> None:
        # What is under way is hashed to its end, and answered.
        if self._leave(check):
            self._refuse(check, reason)

    def _refuse(self, check: _Check, reason: str) -> None:
        PASSWORD_SHED.add()
        if not check.result.done():
            check.result.set_exception(TemporarilyUnavailable(reason, RETRY_AFTER))

    def _start(self) -> None:
        """Give every idle thread a check, as long as there are any."""
        while self._idle and not self._is_closed and (check := self._queue.start()) is not None:
            self._idle -= 1
            hashing = self._executor.submit(self._check, check.password, check.password_hash)
            asyncio.wrap_future(hashing).add_done_callback(partial(self._finish, check))

    def _finish(self, check: _Check, hashing: asyncio.Future[PasswordCheck]) -> None:
        self._idle += 1
        self._queue.finish(check)
        PASSWORD_QUEUE.change(-1)
        error = hashing.exception()
        if not check.result.done():
            if error is None:
                check.result.set_result(hashing.result())
            else:
                check.result.set_exception(error)
        self._start()

    def _check(self, password: str, password_hash: str | None) -> PasswordCheck:
        spellings = password_spellings(password)
        if len(spellings[0].encode()) > self._max_length:
            return _WRONG
        started = time.perf_counter()
        found = self._verify(spellings, password_hash)
        PASSWORD_HASH.observe(time.perf_counter() - started)
        if password_hash is None or found is None:
            return _WRONG
        if found == spellings[0] and self._costs.are_those_of(password_hash):
            return PasswordCheck(is_right=True)
        return PasswordCheck(is_right=True, new_hash=self._costs.hash(spellings[0]))

    def _verify(self, spellings: Sequence[str], password_hash: str | None) -> str | None:
        """The spelling that is right. A second one costs as much again, whatever is stored."""
        decoys = self._decoys
        own = None if password_hash is None else parameters_of(password_hash)
        if password_hash is not None and own is not None:
            for spelling in spellings:
                if verify_password(password_hash, spelling):
                    return spelling
        for parameters, decoy_hash in decoys.items():
            if parameters != own:
                for spelling in spellings:
                    verify_password(decoy_hash, spelling)
        return None


def _yield_to_event_loop() -> None:
    # A hash keeps a core busy; on Linux niceness is per thread, and the highest leaves the event loop its latency. An
    # idle scheduling class would do so too, but a thread that holds the interpreter's lock in it may wait for long.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
