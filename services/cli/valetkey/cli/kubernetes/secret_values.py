"""What the Secret of an installation holds: new keys and passwords, from the operating system's randomness."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from valetkey.core.encoding import b64url_encode
from valetkey.core.sealed_value import PLAIN

SEALING_KEYS = "sealing-keys"
_KEY_BYTES = 32
_PASSWORD_BYTES = 24
_CREDENTIAL_KEYS = "credential-keys"
_LISTS = ("refresh-token-keys", "cookie-keys", _CREDENTIAL_KEYS, SEALING_KEYS)
_ROLES = ("authorize", "token", "introspection", "compact", "key-rotation", "migration", "operator", "admin")


class Extra(StrEnum):
    """Whose passwords are made here too, because they are set up from the same Secret."""

    POSTGRES = "postgres"
    REDIS = "redis"
    DEMO = "demo"


def new_values(extras: Sequence[Extra], now: datetime) -> dict[str, str]:
    """Every value by its key in the Secret. Passwords need no escaping in a URL."""
    values = {name: _random(_KEY_BYTES) for name in _LISTS}
    # The identifier is stored beside every sealed key, and has to be another one for the next key-encryption key.
    values["key-encryption-keys"] = f"{now:%Y%m%d}:{_random(_KEY_BYTES)}"
    return values | {name: _random(_PASSWORD_BYTES) for name in _passwords(extras)}


def later_additions(values: Mapping[str, str]) -> dict[str, str]:
    """Those of the new values that a Secret of an earlier release lacks, as it can take them while that still runs.

    What it has written in Redis is plain, and it reads nothing else: the key is there, and does not seal yet. Keys of
    credentials are nothing to it.
    """
    return {SEALING_KEYS: f"{PLAIN},{values[SEALING_KEYS]}", _CREDENTIAL_KEYS: values[_CREDENTIAL_KEYS]}


def _passwords(extras: Sequence[Extra]) -> Iterator[str]:
    if Extra.POSTGRES in extras:
        yield from (f"postgres-{role}-password" for role in _ROLES)
    if Extra.REDIS in extras:
        yield "redis-password"
    if Extra.DEMO in extras:
        yield "demo-user-password"


def _random(length: int) -> str:
    return b64url_encode(secrets.token_bytes(length))
