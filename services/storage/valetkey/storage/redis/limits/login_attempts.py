"""How many passwords may be tried: per address, name, account and known device. Counted before anything is hashed.

Fixed windows, each counted by one atomic increment in Redis: they outlive a pod, hold under parallel guesses and end
by themselves, so that no account is locked for good. Knows nothing of passwords.

What an answer tells depends on what was typed and from where, and on nothing that was found. Two budgets are told
of: that of the *address*, and that of the *name* as it was typed, in its one spelling. Both are the same for a name
that means an account and for one that means none, so that spending them tells nothing about either. A user name and
an e-mail address of one account would thus be two budgets for one password. So there is a third, of the *account*,
and it is never told of: once it is spent, a right password is answered as a wrong one is. Were it told of, guesses at
one name and one more at another would tell whether both mean the same account.

A browser that has signed in to the account before has a budget of its own, that of the *device*. Attempts from other
browsers do not count against it. While it lasts a right password counts, whatever else is spent. A wrong one is
answered as from an unknown browser, so that the cookie of a device does not tell which names its account has.

Keys hold no limit, so that a count goes on where a limit is changed, and that ``forget`` need not know any.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.kept.keyspace import LOGIN_ATTEMPTS
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from redis.asyncio import Redis

    from valetkey.runtime.settings.settings import Settings
    from valetkey.storage.redis.limits.memory_reserve import MemoryReserve


@dataclass(frozen=True, slots=True)
class Guess:
    """An attempt as far as it is counted: the normalized ``name``, the ``account`` that it means or would mean.

    ``device`` is what tells this browser from others, where it has signed in to the account before.
    """

    name: str
    account: str
    address: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What counting an attempt has led to.

    ``told`` is the budget that is spent and told of, if any; ``counts`` whether a right password signs in all the same.
    ``retry_after`` is in seconds, ``keys`` are what was counted under.
    """

    told: str | None
    counts: bool
    retry_after: int
    keys: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What had been counted under one budget of an account; ``name`` where it is that of a name."""

    budget: str
    name: str | None
    attempts: int


class LoginAttempts:
    """Budgets of password attempts. Limits are attempts per ``window`` seconds."""

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis, reserve: MemoryReserve | None = None) -> Self:
        """The budgets of an installation; where Redis has only its ``reserve`` left, nothing is counted."""
        return cls(
            RateLimitStorage(redis, LOGIN_ATTEMPTS, reserve),
            per_account=settings.login_attempts_per_account,
            per_address=settings.login_attempts_per_address,
            window=settings.login_attempts_window,
        )

    def __init__(self, storage: RateLimitStorage, *, per_account: int, per_address: int, window: int) -> None:
        self._storage = storage
        self._window = window
        self._per_account = per_account
        self._per_address = per_address

    async def count(self, guess: Guess) -> Counted:
        """Count an attempt. Raises ``TemporarilyUnavailable`` while Redis is away.

        The address comes first: once it is spent, its guesses no longer use up any name or account.
        """
        address, name = _key("address", guess.address), _key("name", guess.name)
        account = _key("account", guess.account)
        device = None if guess.device is None else _key("device", guess.account, guess.device)
        counted = await self._count(address)
        if counted[address] > self._per_address:
            told: str | None = "address"
            counted |= await self._count(*([] if device is None else [device]))
        else:
            counted |= await self._count(name, account if device is None else device)
            told = None if counted[name] <= self._per_account else "name"
        counts = device is not None and counted[device] <= self._per_account
        if not counts and told is None:
            if account not in counted:
                counted |= await self._count(account)
            counts = counted[account] <= self._per_account
        return Counted(told, counts, self._window, tuple(counted))

    async def give_back(self, counted: Counted) -> None:
        """Undo one ``count``: the attempt succeeded, or was never made.

        Only its own attempt: a success in between must not refill the budget of another who is guessing.
        """
        with redis_operation("login_attempts"):
            await asyncio.gather(*(self._storage.incr(key, self._window, amount=-1) for key in counted.keys))

    async def forget(self, names: Iterable[str], account: str) -> list[Forgotten]:
        """Forget what was counted against an account, under all its normalized names.

        What known devices have spent is left: they may now use the budget of unknown browsers.
        Raises ``TemporarilyUnavailable`` while Redis is away.
        """
        budgets = [*(("name", name, _key("name", name)) for name in names), ("account", None, _key("account", account))]
        with redis_operation("login_attempts"):
            counts = await asyncio.gather(*(self._storage.take(key) for _, _, key in budgets))
        return [Forgotten(budget, name, count) for (budget, name, _), count in zip(budgets, counts, strict=True)]

    async def _count(self, *keys: str) -> dict[str, int]:
        if not keys:
            return {}
        with redis_operation("login_attempts"):
            # Asked for in one turn, they are one exchange.
            counts = await asyncio.gather(*(self._storage.incr(key, self._window) for key in keys))
        return dict(zip(keys, counts, strict=True))


def account_of_user(subject: UUID) -> str:
    """What the account of a user is counted under."""
    return f"subject:{subject}"


def second_factor_of(subject: UUID) -> str:
    """What guesses at the second factor of a user are counted under, as name and as account."""
    return f"second factor:{subject}"


def account_of_name(name: str) -> str:
    """What a name that means no account is counted under, as if it meant one."""
    return f"name:{name}"


def _key(budget: str, *parts: str) -> str:
    # Names that a client chooses stay out of Redis, and so does their length.
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{budget}/{digest}"
