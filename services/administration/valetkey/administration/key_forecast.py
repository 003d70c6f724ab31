"""What will become of a signing key, and when; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from valetkey.core.jose.keys import KeyObservation, KeyState, PublicKey
from valetkey.key_rotation.plan import blocking_replicas, due_at
from valetkey.key_rotation.policy import RotationPolicy


@dataclass(frozen=True, slots=True)
class KeyForecast:
    """The earliest moment a key may enter its next state, and who is in the way. UTC."""

    next_state: str
    not_before: datetime | None
    blocking_replicas: tuple[str, ...] = ()


def forecast(
    key: PublicKey, observations: Sequence[KeyObservation], policy: RotationPolicy, now: datetime
) -> KeyForecast:
    """A prepared key signs once every verifier can know it, an active one retires, a retired one is deleted."""
    match key.state:
        case KeyState.PREPARED:
            in_the_way = blocking_replicas(key, observations, policy, now)
            return KeyForecast(KeyState.ACTIVE, key.created_at + policy.propagation, in_the_way)
        case KeyState.ACTIVE:
            return KeyForecast(KeyState.RETIRED, due_at(key, policy))
        case KeyState.RETIRED:
            return KeyForecast("deleted", key.retire_until)
