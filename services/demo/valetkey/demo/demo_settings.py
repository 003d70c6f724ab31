"""The settings of the services in the demo: the real ones, with keys made for this run."""

from __future__ import annotations

import secrets

from valetkey.demo.free_port import LOOPBACK
from valetkey.runtime.settings.settings import Settings


def demo_settings(issuer: str, postgres_dsn: str, redis_url: str) -> Settings:
    """Settings for each of the services, listening on free ports of its own."""
    return Settings.load(
        {
            "VALETKEY_ISSUER": issuer,
            "VALETKEY_ENVIRONMENT": "demo",
            "VALETKEY_HOST": LOOPBACK,
            "VALETKEY_PORT": "0",
            "VALETKEY_MANAGEMENT_HOST": LOOPBACK,
            "VALETKEY_MANAGEMENT_PORT": "0",
            "VALETKEY_TRUSTED_PROXIES": f"{LOOPBACK}/32",
            "VALETKEY_SHUTDOWN_GRACE": "2s",
            "VALETKEY_POSTGRES_DSN": postgres_dsn,
            "VALETKEY_REDIS_URL": redis_url,
            "VALETKEY_REFRESH_TOKEN_KEYS": secrets.token_urlsafe(32),
            "VALETKEY_COOKIE_KEYS": secrets.token_urlsafe(32),
            "VALETKEY_SEALING_KEYS": secrets.token_urlsafe(32),
            "VALETKEY_KEY_ENCRYPTION_KEYS": f"demo:{secrets.token_urlsafe(32)}",
            # The visitor of the tour rotates keys within minutes and wants to see it.
            "VALETKEY_JWKS_MAX_AGE": "10s",
            "VALETKEY_KEY_ACTIVATION_MARGIN": "0s",
            "VALETKEY_KEY_POLL_INTERVAL": "1s",
            "VALETKEY_REPLICA_TIMEOUT": "30s",
            "VALETKEY_LOG_FORMAT": "json",
        },
        service="all",
    )
