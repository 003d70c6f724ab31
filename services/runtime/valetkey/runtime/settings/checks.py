"""Rules between settings, each with the sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from valetkey.runtime.settings.dsn import has_password
from valetkey.runtime.settings.reader import Problem, Service, variable
from valetkey.runtime.settings.redis_address import parse_address

if TYPE_CHECKING:
    from collections.abc import Collection

    from valetkey.runtime.settings.settings import Settings

Rule = tuple[tuple[str, ...], "Callable[[Settings], bool]", str]


def _keys_are_apart(settings: Settings) -> bool:
    keys: list[bytes] = []
    for secret in (settings.refresh_token_keys, settings.cookie_keys):
        keys += secret.reveal() if secret.is_set else ()
    if settings.sealing_keys.is_set:
        keys += settings.sealing_keys.reveal().keys
    if settings.key_encryption_keys.is_set:
        keys += (key for _, key in settings.key_encryption_keys.reveal())
    return len(keys) == len(set(keys))


def _postgres_passwords_have_users(settings: Settings) -> bool:
    urls = [dsn.reveal() for dsn in (settings.postgres_dsn, settings.postgres_listen_dsn) if dsn.is_set]
    return not settings.postgres_password.is_set or all(map(has_password, urls))


def _sentinel_password_has_sentinels(settings: Settings) -> bool:
    if not settings.redis_sentinel_password.is_set or not settings.redis_url.is_set:
        return True
    return parse_address(settings.redis_url.reveal()).topology == "sentinel"


_RULES: tuple[Rule, ...] = (
    (
        ("postgres_password", "postgres_dsn", "postgres_listen_dsn"),
        _postgres_passwords_have_users,
        "is the password of nobody where {1} or {2} names no user; write it like postgresql://user@host:5432/database",
    ),
    (
        ("redis_sentinel_password", "redis_url"),
        _sentinel_password_has_sentinels,
        "is for Sentinels and {1} names none; remove it, or write redis+sentinel://host:26379/master-name",
    ),
    (
        ("postgres_pool_min", "postgres_pool_max"),
        lambda s: s.postgres_pool_min <= s.postgres_pool_max,
        "must not exceed {1}; lower it",
    ),
    (
        ("session_idle_lifetime", "session_lifetime"),
        lambda s: s.session_idle_lifetime <= s.session_lifetime,
        "must not exceed {1}; lower it",
    ),
    (
        ("refresh_token_idle_lifetime", "refresh_token_lifetime"),
        lambda s: s.refresh_token_idle_lifetime <= s.refresh_token_lifetime,
        "must not exceed {1}; lower it",
    ),
    (
        ("key_activation_margin", "jwks_max_age", "key_active_period"),
        lambda s: s.key_activation_margin + s.jwks_max_age < s.key_active_period,
        "and {1} together must be shorter than {2}; raise {2}",
    ),
    (
        ("key_poll_interval", "replica_timeout"),
        lambda s: 2 * s.key_poll_interval <= s.replica_timeout,
        "must be at most half of {1}; lower it",
    ),
    (
        ("management_port", "port"),
        lambda s: s.port != s.management_port or s.port == 0,
        "must differ from {1}; choose another, health and metrics stay off the public port",
    ),
    (
        ("cookie_keys", "refresh_token_keys", "key_encryption_keys", "sealing_keys"),
        _keys_are_apart,
        "shares a key with {1}, {2} or {3}, or two of those with each other; use a key for one purpose only",
    ),
)
_FILES: tuple[Rule, ...] = (
    (
        ("theme_logo",),
        lambda s: s.theme_logo is None or s.theme_logo.is_file(),
        "names a file that is not there; mount it or remove the setting",
    ),
    (
        ("templates_directory",),
        lambda s: s.templates_directory is None or s.templates_directory.is_dir(),
        "names a directory that is not there; mount it or remove the setting",
    ),
)


def check(settings: Settings, service: Service, unreadable: Collection[str]) -> list[Problem]:
    """Problems between settings, leaving out the rules about settings that are unreadable already."""
    rules = (*_RULES, *_FILES) if service in {"authorize", "all"} else _RULES
    return [
        Problem(names[0], f"{variable(names[0])} {advice.format(*map(variable, names))}.")
        for names, holds, advice in rules
        if not any(name in unreadable for name in names) and not holds(settings)
    ]
