"""What operators watch about the signing keys. Reads no private key."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from valetkey.core.jose.keys import KeyState, PublicKey
from valetkey.core.ports.clock import Clock
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metrics import NEXT_KEY_ROTATION, SIGNING_KEY_AGE, SIGNING_KEYS
from valetkey.storage.postgres.database.notifications import KEYS_CHANNEL
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.signing_keys import KeyStore


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """What the key rotation job goes by: how long a key signs, and how long a new one has to be known before."""

    algorithms: tuple[str, ...]
    active_period: timedelta
    propagation: timedelta

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The schedule of an installation."""
        return cls(
            algorithms=settings.signing_algorithms,
            active_period=timedelta(seconds=settings.key_active_period),
            propagation=timedelta(seconds=settings.jwks_max_age + settings.key_activation_margin),
        )

    def next_step(self, keys: Iterable[PublicKey]) -> datetime | None:
        """When the job has something to do for keys of one algorithm: exchange the active key, or delete a retired one.

        Where nothing signs, it is when the first prepared key may; None where there is no key at all.
        """
        keys = list(keys)
        ends = [since(key) + self.active_period for key in keys if key.state is KeyState.ACTIVE]
        starts = [key.created_at + self.propagation for key in keys if key.state is KeyState.PREPARED]
        deletions = [key.retire_until for key in keys if key.retire_until is not None]
        return min((ends or starts) + deletions, default=None)


class KeyMetrics:
    """Keeps the gauges of the signing keys up to date; they stay as they were while PostgreSQL is away."""

    def __init__(self, database: Database, schedule: KeySchedule, poll_interval: timedelta, clock: Clock) -> None:
        self._store = KeyStore(database)
        self._schedule = schedule
        self._clock = clock
        self._poller = database_poller(self._refresh, poll_interval, "key-metrics")
        database.on_notify(KEYS_CHANNEL, lambda _: self._poller.wake())

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    async def _refresh(self) -> None:
        report(await self._store.public_keys(), self._schedule, self._clock())


def report(keys: list[PublicKey], schedule: KeySchedule, now: datetime) -> None:
    """Set the gauges. A state that no key is in counts as zero, so that no key can be told from no answer."""
    algorithms = sorted({*schedule.algorithms, *(key.alg for key in keys)})
    counted = Counter((key.alg, str(key.state)) for key in keys)
    SIGNING_KEYS.replace({(alg, str(state)): counted[alg, str(state)] for alg in algorithms for state in KeyState})
    ages: dict[tuple[str, ...], float] = {}
    for key in keys:
        labels = (key.alg, str(key.state))
        ages[labels] = max(ages.get(labels, 0.0), (now - since(key)).total_seconds())
    SIGNING_KEY_AGE.replace(ages)
    steps = {alg: schedule.next_step(key for key in keys if key.alg == alg) for alg in algorithms}
    NEXT_KEY_ROTATION.replace({(alg,): step.timestamp() for alg, step in steps.items() if step is not None})


def since(key: PublicKey) -> datetime:
    """When the key came into its state."""
    return key.retired_at or key.activated_at or key.created_at
