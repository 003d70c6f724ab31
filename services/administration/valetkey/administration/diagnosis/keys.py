"""Whether there is a key to sign with, and another to follow it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import InsufficientPrivilegeError

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.core.jose.keys import KeyState, PublicKey
from valetkey.core.jose.sealed_key import KeySealer, UnsealError
from valetkey.key_rotation.plan import due_at
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.signing_keys import KeyStore

_ROTATE = "Run `valetkey rotate-keys`, and see that its CronJob runs."


async def examine_keys(settings: Settings, database: Database, now: datetime) -> list[Finding]:
    """States, and whether the private parts open."""
    store, policy = KeyStore(database), RotationPolicy.from_settings(settings)
    keys = await store.public_keys()
    return [
        *(_algorithm(alg, keys, policy, now) for alg in settings.signing_algorithms),
        await _sealed(settings, store),
    ]


def _algorithm(alg: str, keys: Sequence[PublicKey], policy: RotationPolicy, now: datetime) -> Finding:
    check = f"keys {alg}"
    active = [key for key in keys if key.alg == alg and key.state is KeyState.ACTIVE]
    if not active:
        return unwell(check, "no active key: nothing can be signed", _ROTATE)
    if now >= due_at(active[-1], policy):
        advice = f"{_ROTATE} `valetkey keys list` says which replicas it waits for."
        return doubtful(check, f"{active[-1].kid} is overdue for rotation", advice)
    if not any(key.alg == alg and key.state is KeyState.PREPARED for key in keys):
        return doubtful(check, "no successor is prepared", _ROTATE)
    return well(check, f"{active[-1].kid} signs, a successor is prepared")


async def _sealed(settings: Settings, store: KeyStore) -> Finding:
    check = "key-encryption"
    if not settings.key_encryption_keys.is_set:
        advice = "Nothing, unless keys are to be rotated from here."
        return skipped(check, "VALETKEY_KEY_ENCRYPTION_KEYS is not set", advice)
    sealer = KeySealer(dict(settings.key_encryption_keys.reveal()))
    try:
        for key in await store.active_keys():
            sealer.open(key.public.kid, key.sealed)
    except UnsealError as error:
        return unwell(check, str(error), "Give the key-encryption key that sealed it, beside the new one.")
    except InsufficientPrivilegeError:
        return skipped(check, "this database role may not read private keys", "Nothing: that is as it should be.")
    return well(check, "active keys open")
