"""The settings of the services in the demo: the real ones, with variables of the environment and the demo's own."""

from __future__ import annotations

from collections.abc import Mapping

from valetkey.demo.demo_error import DemoError
from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.run_secrets import RunSecrets
from valetkey.runtime.settings.reader import SettingsError
from valetkey.runtime.settings.settings import Settings

# The visitor of the tour rotates keys within minutes and wants to see it.
_USUAL = {
    "VALETKEY_ENVIRONMENT": "demo",
    "VALETKEY_SHUTDOWN_GRACE": "2s",
    "VALETKEY_JWKS_MAX_AGE": "10s",
    "VALETKEY_KEY_ACTIVATION_MARGIN": "0s",
    "VALETKEY_KEY_POLL_INTERVAL": "1s",
    "VALETKEY_REPLICA_TIMEOUT": "30s",
    "VALETKEY_LOG_FORMAT": "json",
}
_OWN = frozenset(
    f"VALETKEY_{name}"
    for name in (
        *("ISSUER", "HOST", "PORT", "MANAGEMENT_HOST", "MANAGEMENT_PORT", "TRUSTED_PROXIES"),
        *("POSTGRES_DSN", "POSTGRES_LISTEN_DSN", "POSTGRES_PASSWORD", "POSTGRES_POOLER"),
        *("REDIS_URL", "REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD"),
        *("REFRESH_TOKEN_KEYS", "COOKIE_KEYS", "SEALING_KEYS", "CREDENTIAL_KEYS", "KEY_ENCRYPTION_KEYS"),
    )
)


def taken(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of the environment that count in the demo."""
    return {name: value for name, value in given.items() if not _is_own(name)}


def not_taken(given: Mapping[str, str]) -> list[str]:
    """The names of those that do not: the demo has stores, ports and keys of its own."""
    return sorted(filter(_is_own, given))


def _is_own(name: str) -> bool:
    return name.removesuffix("_FILE") in _OWN


def demo_settings(
    issuer: str, postgres_dsn: str, redis_url: str, run: RunSecrets, given: Mapping[str, str]
) -> Settings:
    """Settings for each of the services, listening on free ports of its own. Raises ``DemoError``."""
    own = {
        "VALETKEY_ISSUER": issuer,
        "VALETKEY_HOST": LOOPBACK,
        "VALETKEY_PORT": "0",
        "VALETKEY_MANAGEMENT_HOST": LOOPBACK,
        "VALETKEY_MANAGEMENT_PORT": "0",
        "VALETKEY_TRUSTED_PROXIES": f"{LOOPBACK}/32",
        "VALETKEY_POSTGRES_DSN": postgres_dsn,
        "VALETKEY_REDIS_URL": redis_url,
        "VALETKEY_REFRESH_TOKEN_KEYS": run.key("refresh"),
        "VALETKEY_COOKIE_KEYS": run.key("cookie"),
        "VALETKEY_SEALING_KEYS": run.key("sealing"),
        "VALETKEY_CREDENTIAL_KEYS": run.key("credential"),
        "VALETKEY_KEY_ENCRYPTION_KEYS": f"demo:{run.key('encryption')}",
    }
    try:
        return Settings.load({**_USUAL, **taken(given), **own}, service="all")
    except SettingsError as error:
        raise DemoError("The demo does not start with these variables of the environment:", *error.problems) from error
