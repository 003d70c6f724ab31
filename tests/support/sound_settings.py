"""Variables that make sound settings, and what is said of others."""

from __future__ import annotations

import base64
import hashlib

import pytest

from valetkey.runtime.settings.settings import Service, Settings, SettingsError

KEY_A, KEY_B, KEY_C, KEY_D, KEY_E, KEY_F = (
    base64.urlsafe_b64encode(hashlib.sha256(bytes([name])).digest()).rstrip(b"=").decode() for name in b"abcdef"
)
SOUND = {
    "VALETKEY_ISSUER": "https://id.example.com",
    "VALETKEY_POSTGRES_DSN": "postgresql://valetkey:pw@db:5432/valetkey",
    "VALETKEY_REDIS_URL": "redis://:pw@cache:6379/0",
    "VALETKEY_REFRESH_TOKEN_KEYS": KEY_A,
    "VALETKEY_COOKIE_KEYS": KEY_B,
    "VALETKEY_KEY_ENCRYPTION_KEYS": f"2026a:{KEY_C}",
}


def load(service: Service = "all", /, **changes: str | None) -> Settings:
    """The settings with these changes, by name; None leaves a variable out."""
    environ: dict[str, str] = dict(SOUND)
    for name, value in changes.items():
        if value is None:
            environ.pop(f"VALETKEY_{name.upper()}", None)
        else:
            environ[f"VALETKEY_{name.upper()}"] = value
    return Settings.load(environ, service=service)


def problems(service: Service = "all", /, **changes: str | None) -> str:
    """What is wrong with the settings, a line each."""
    with pytest.raises(SettingsError) as caught:
        load(service, **changes)
    return "\n".join(caught.value.problems)
