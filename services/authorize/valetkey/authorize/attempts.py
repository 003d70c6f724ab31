"""How many passwords may be tried: per account, per address, and per known device. Counted before anything is hashed.

A fixed window, counted by one atomic increment in Redis: it outlives a pod, holds under parallel guesses, and ends by
itself, so that nobody is locked out for good. Knows nothing of passwords.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from valetkey.runtime.metrics import RATE_LIMITED
from valetkey.runtime.redis.errors import redis_operation


class TooManyAttempts(Exception):
    """A budget is spent. ``retry_after`` is in seconds. RFC 6585 §4."""

    def __init__(self, budget: str, retry_after: int) -> None:
        super().__init__(f"the {budget} budget is spent")
        self.budget = budget
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Budget:
    """One counter: a limit over a window, and for whom it counts."""

    name: str
    item: RateLimitItemPerSecond
    key: str


class LoginAttempts:
    """Budgets of password attempts. Limits are attempts per ``window`` seconds."""

    def __init__(self, storage: Storage, *, per_account: int, per_address: int, window: int) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._storage = storage
        self._window = window
        self._account = RateLimitItemPerSecond(per_account, window, "account")
        self._address = RateLimitItemPerSecond(per_address, window, "address")
        self._device = RateLimitItemPerSecond(per_account, window, "device")

    def of_stranger(self, account: str, address: str) -> tuple[Budget, ...]:
        """What an attempt from an unknown browser spends.

        The address comes first: once it is spent, its guesses no longer use up the account's budget.
        """
        return (
            Budget("address", self._address, _digest(address)),
            Budget("account", self._account, _digest(account)),
        )

    def of_device(self, account: str, device_id: str) -> tuple[Budget, ...]:
        """What an attempt from a browser that has signed in to this account before spends: nothing shared."""
        return (Budget("device", self._device, _digest(account, device_id)),)

    async def spend(self, budgets: tuple[Budget, ...]) -> None:
        """Count an attempt. Raises ``TooManyAttempts`` once a budget is spent."""
        for budget in budgets:
            with redis_operation("login_attempts"):
                is_within = await self._limiter.hit(budget.item, budget.key)
            if not is_within:
                RATE_LIMITED.add(budget.name)
                raise TooManyAttempts(budget.name, self._window)

    async def give_back(self, budgets: tuple[Budget, ...]) -> None:
        """Undo one ``spend``: the attempt succeeded, or was never made.

        Only its own attempt: a success in between must not refill the budget of whoever else is guessing.
        """
        with redis_operation("login_attempts"):
            # Asked for in one turn, they are one exchange.
            await asyncio.gather(*(self._uncount(budget) for budget in budgets))

    async def _uncount(self, budget: Budget) -> None:
        await self._storage.incr(budget.item.key_for(budget.key), self._window, amount=-1)


def _digest(*parts: str) -> str:
    # Names of strangers' choosing stay out of Redis, and so does their length.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
