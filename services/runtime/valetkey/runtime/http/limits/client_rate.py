"""How often one client may ask: counted here, settled with the other replicas in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Protocol

from valetkey.core.oauth.errors import TemporarilyUnavailable, TooManyRequests
from valetkey.runtime.lifecycle.poller import Poller
from valetkey.runtime.telemetry.metrics import RATE_LIMITED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.core.client.client import Client
    from valetkey.core.ports.clock import Clock

WINDOW_SECONDS = 60
SETTLE_SECONDS = 0.5
MAX_CLIENTS = 10_000
_BATCHES = 20
_NAME = "client_rate"


class Rates(Protocol):
    """Adds up what every replica has counted."""

    async def add(self, window: int, lifetime: int, counted: Mapping[str, int]) -> dict[str, int]:
        """The totals, with what was ``counted``; ``TemporarilyUnavailable`` if they cannot be known."""


@dataclass(slots=True)
class _Account:
    """One client in this minute.

    ``allowed`` is what it may ask here beyond ``settled``, by the newest total; ``unsettled`` is not in that total yet.
    ``reported_at`` so many unsettled, a newer total is wanted.
    """

    allowed: int
    reported_at: int
    unsettled: int = 0
    settled: int = 0


class ClientRate:
    """At most ``per_minute`` requests of each confidential client in a minute of the clock; 0 is no limit.

    A request costs one look into a dict. Totals are exchanged twice a second and once a twentieth of the limit has
    been used here, so that replicas together exceed the limit by little more than that share each. While Redis is away
    each holds every client to the whole limit by its own count.

    Public clients are not counted: any caller can present their ``client_id`` and use up the requests of all users.
    """

    def __init__(self, rates: Rates, clock: Clock, per_minute: int) -> None:
        self._rates = rates
        self._clock = clock
        self._limit = per_minute
        self._batch = max(per_minute // _BATCHES, 1)
        self._accounts: dict[str, _Account] = {}
        self._window = self._current_window()
        self._poller = Poller(self._settle, timedelta(seconds=SETTLE_SECONDS), _NAME)

    def __len__(self) -> int:
        return len(self._accounts)

    def take(self, client: Client) -> None:
        """Count one request. Raises ``TooManyRequests`` where the client has none left in this minute."""
        if not self._limit or client.is_public:
            return
        account = self._accounts.get(client.client_id)
        if account is None:
            account = self._open_account(client.client_id)
        if account.unsettled >= account.reported_at:
            account = self._look_closer(client.client_id, account)
        account.unsettled += 1

    async def start(self) -> None:
        """Begin to settle, unless there is no limit."""
        if self._limit:
            await self._poller.start()

    async def close(self) -> None:
        """Stop, after telling the others what was counted last."""
        await self._poller.close()
        await self._settle()

    def _open_account(self, client_id: str) -> _Account:
        if len(self._accounts) >= MAX_CLIENTS:
            # What the oldest has not settled is lost, which is about one batch.
            del self._accounts[next(iter(self._accounts))]
        account = self._accounts[client_id] = _Account(self._limit, min(self._batch, self._limit))
        return account

    def _look_closer(self, client_id: str, account: _Account) -> _Account:
        """Ask for the newest total, or refuse."""
        if account.unsettled < account.allowed:
            account.reported_at = min(account.unsettled + self._batch, account.allowed)
            self._poller.wake()
            return account
        if self._turn_to(self._current_window()):
            return self._open_account(client_id)
        RATE_LIMITED.add(_NAME)
        left = (self._window + 1) * WINDOW_SECONDS - self._clock().timestamp()
        raise TooManyRequests("the client has used up its requests of this minute", ceil(left))

    def _turn_to(self, window: int) -> bool:
        """Whether another minute has begun; the last one limits no request any more, so its rest is not reported."""
        if window == self._window:
            return False
        self._accounts, self._window = {}, window
        return True

    async def _settle(self) -> None:
        window = self._current_window()
        self._turn_to(window)
        counted = {name: account.unsettled for name, account in self._accounts.items() if account.unsettled}
        if not counted:
            return
        try:
            totals = await self._rates.add(window, 2 * WINDOW_SECONDS, counted)
        except TemporarilyUnavailable:
            return
        if window == self._window:
            for name, total in totals.items():
                if name in self._accounts:
                    self._settled(self._accounts[name], counted[name], total)

    def _settled(self, account: _Account, counted: int, total: int) -> None:
        account.settled += counted
        account.unsettled -= counted
        # A Redis that came back empty knows less than we do.
        account.allowed = max(self._limit - max(total, account.settled), 0)
        account.reported_at = min(account.unsettled + self._batch, account.allowed)

    def _current_window(self) -> int:
        return int(self._clock().timestamp()) // WINDOW_SECONDS
