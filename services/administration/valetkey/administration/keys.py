"""Signing keys: which there are, what becomes of them, and rotating them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.administration.errors import NotFound
from valetkey.administration.key_forecast import KeyForecast, forecast
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.storage.postgres.tables.signing_keys import KeyStore

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation
    from valetkey.core.jose.keys import PublicKey
    from valetkey.key_rotation.report import RotationReport


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, what comes next, and how many of the live replicas know it."""

    key: PublicKey
    forecast: KeyForecast
    knowing: int
    live: int


async def list_keys(installation: Installation) -> list[ListedKey]:
    """Every key, with what comes next and when."""
    store, policy = KeyStore(installation.database), RotationPolicy.from_settings(installation.settings)
    now, observations = installation.clock(), await store.observations()
    live = [seen for seen in observations if now < seen.seen_at + policy.replica_timeout]
    return [
        ListedKey(key, forecast(key, observations, policy, now), sum(key.kid in seen.kids for seen in live), len(live))
        for key in await store.public_keys()
    ]


async def require_key(installation: Installation, kid: str) -> None:
    """Raise ``NotFound`` unless there is such a key."""
    if all(key.kid != kid for key in await KeyStore(installation.database).public_keys()):
        raise NotFound("key", kid)


async def run_rotation(
    installation: Installation, *, emergency: bool = False, early: bool = False, compromised: Collection[str] = ()
) -> RotationReport:
    """One run of the key rotation job. ``early`` takes every active key for due; see ``rotate_keys`` for the others.

    Raises ``UnsealError`` where the key-encryption keys do not open a key.
    """
    settings = installation.settings
    policy = RotationPolicy.from_settings(settings)
    if early:
        policy = replace(policy, active_period=timedelta(0))
    sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
    return await rotate_keys(
        installation.database, sealer, policy, installation.clock, emergency=emergency, compromised=compromised
    )
