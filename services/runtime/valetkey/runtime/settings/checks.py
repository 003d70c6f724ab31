"""Rules between settings, each with the sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.authentication.relying_party import is_rp_id_of
from valetkey.runtime.settings.dsn import has_password
from valetkey.runtime.settings.reader import TOGETHER, Problem, Service, variable
from valetkey.runtime.settings.redis_address import parse_address
from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.types import is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection

    from valetkey.core.sealed_value import SealingKeys

# The settings that a rule is about, whether their values keep it (in the same order), and how to mend it.
Rule = tuple[tuple[str, ...], "Callable[..., bool]", str]


@dataclass(frozen=True, slots=True)
class NoMoreThan:
    """The first settings, each so many times, are together at most what the last one is; less, where ``strict``."""

    times: tuple[int, ...]
    strict: bool = False

    def __call__(self, *values: float) -> bool:
        """Whether it is so."""
        total = sum(times * value for times, value in zip(self.times, values, strict=False))
        return total < values[-1] or (total == values[-1] and not self.strict)

    def described(self) -> dict[str, object]:
        """The rule as JSON, for the chart."""
        return {"kind": "noMoreThan", "times": list(self.times), "strict": self.strict}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first setting is not set, or in the list that the second one is."""

    def __call__(self, value: str, listed: tuple[str, ...]) -> bool:
        """Whether it is so."""
        return not value or value in listed

    def described(self) -> dict[str, object]:
        """The rule as JSON, for the chart."""
        return {"kind": "oneOf"}


@dataclass(frozen=True, slots=True)
class DomainOf:
    """The first setting is not set, or the host of the second one, or a domain that this is in."""

    def __call__(self, domain: str, url: str) -> bool:
        """Whether it is so."""
        return not domain or is_rp_id_of(domain, url)

    def described(self) -> dict[str, object]:
        """The rule as JSON, for the chart."""
        return {"kind": "domainOf"}


def _keys_are_apart(
    cookie_keys: Secret[tuple[bytes, ...]],
    refresh_token_keys: Secret[tuple[bytes, ...]],
    key_encryption_keys: Secret[tuple[tuple[str, bytes], ...]],
    sealing_keys: Secret[SealingKeys],
    credential_keys: Secret[tuple[bytes, ...]],
    mail_keys: Secret[tuple[bytes, ...]],
) -> bool:
    keys: list[bytes] = []
    for secret in (refresh_token_keys, cookie_keys, credential_keys, mail_keys):
        keys += secret.reveal() if secret.is_set else ()
    if sealing_keys.is_set:
        keys += sealing_keys.reveal().keys
    if key_encryption_keys.is_set:
        keys += (key for _, key in key_encryption_keys.reveal())
    return len(keys) == len(set(keys))


def _postgres_passwords_have_users(password: Secret[str], *dsns: Secret[str]) -> bool:
    return not password.is_set or all(has_password(dsn.reveal()) for dsn in dsns if dsn.is_set)


def _sentinel_password_has_sentinels(password: Secret[str], url: Secret[str]) -> bool:
    if not password.is_set or not url.is_set:
        return True
    return parse_address(url.reveal()).topology == "sentinel"


def _needs(value: str, needed: object) -> bool:
    """Whether the second is set where the first is."""
    return not value or (needed.is_set if isinstance(needed, Secret) else bool(needed))


_RULES: tuple[Rule, ...] = (
    (("mail_host", "mail_from"), _needs, "needs {1}; set it to the address that mail comes from"),
    (("mail_host", "mail_keys"), _needs, "needs {1}; what a mail says is never stored unsealed"),
    (("mail_user", "mail_password"), _needs, "needs {1}, or {1}_FILE; set it, or remove the user"),
    (
        ("mail_password", "mail_user"),
        lambda password, user: bool(user) or not password.is_set,
        "needs {1}; set it, or remove the password",
    ),
    (
        ("mail_tls", "mail_host"),
        lambda tls, host: tls != "none" or not host or is_loopback(host),
        "must be starttls or tls unless {1} is this machine; a mail holds links that are secrets",
    ),
    (
        ("mail_window", "mail_retention"),
        NoMoreThan((1,)),
        "must not exceed {1}; lower it, what is forgotten cannot be counted",
    ),
    (
        ("postgres_password", "postgres_dsn", "postgres_listen_dsn"),
        _postgres_passwords_have_users,
        "needs a user in {1} and {2}; write it like postgresql://user@host:5432/database",
    ),
    (
        ("redis_sentinel_password", "redis_url"),
        _sentinel_password_has_sentinels,
        "is for Sentinels and {1} names none; remove it, or write redis+sentinel://host:26379/master-name",
    ),
    (
        ("postgres_pool_min", "postgres_pool_max"),
        NoMoreThan((1,)),
        "must not exceed {1}; lower it",
    ),
    (
        ("session_idle_lifetime", "session_lifetime"),
        NoMoreThan((1,)),
        "must not exceed {1}; lower it",
    ),
    (
        ("refresh_token_idle_lifetime", "refresh_token_lifetime"),
        NoMoreThan((1,)),
        "must not exceed {1}; lower it",
    ),
    (
        ("key_activation_margin", "jwks_max_age", "key_active_period"),
        NoMoreThan((1, 1), strict=True),
        "and {1} together must be shorter than {2}; raise {2}",
    ),
    (
        ("key_poll_interval", "replica_timeout"),
        NoMoreThan((2,)),
        "must be at most half of {1}; lower it",
    ),
    (
        ("id_token_signing_alg", "signing_algorithms"),
        OneOf(),
        "must be one of {1}; add it there, so that it has keys",
    ),
    (
        ("default_language", "languages"),
        OneOf(),
        "must be one of {1}; add it there",
    ),
    (
        ("passkey_rp_id", "issuer"),
        DomainOf(),
        "must be the host of {1}, or a domain with a dot that it is in; remove it",
    ),
    (
        ("management_port", "port"),
        lambda management, public: public != management or public == 0,
        "must differ from {1}; choose another, health and metrics stay off the public port",
    ),
    (
        ("cookie_keys", "refresh_token_keys", "key_encryption_keys", "sealing_keys", "credential_keys", "mail_keys"),
        _keys_are_apart,
        "shares a key with {1}, {2}, {3}, {4} or {5}, or two of those with each other; use a key for one purpose only",
    ),
)
_MAIL_FILES: tuple[Rule, ...] = (
    (
        ("mail_templates_directory",),
        lambda directory: directory is None or directory.is_dir(),
        "names a directory that is not there; mount it or remove the setting",
    ),
)
_LANGUAGE_FILES: tuple[Rule, ...] = (
    (
        ("languages_directory",),
        lambda directory: directory is None or directory.is_dir(),
        "names a directory that is not there; mount it or remove the setting",
    ),
)
_FILES: tuple[Rule, ...] = (
    (
        ("theme_logo",),
        lambda logo: logo is None or logo.is_file(),
        "names a file that is not there; mount it or remove the setting",
    ),
    (
        ("templates_directory",),
        lambda directory: directory is None or directory.is_dir(),
        "names a directory that is not there; mount it or remove the setting",
    ),
)


def check(settings: object, service: Service, unreadable: Collection[str]) -> list[Problem]:
    """Problems between settings, leaving out the rules about settings that are unreadable already."""
    pages = _FILES if service in {"authorize", *TOGETHER} else ()
    mails = _MAIL_FILES if service in {"mailer", *TOGETHER} else ()
    languages = _LANGUAGE_FILES if service in {"authorize", "mailer", *TOGETHER} else ()
    rules = (*_RULES, *pages, *mails, *languages)
    return [
        Problem(names[0], f"{variable(names[0])} {advice.format(*map(variable, names))}.")
        for names, holds, advice in rules
        if not any(name in unreadable for name in names) and not holds(*(getattr(settings, name) for name in names))
    ]


def described_rules() -> list[dict[str, object]]:
    """The rules that need no more than the texts of settings, as JSON, for the chart."""
    return [
        {"settings": list(names), "advice": advice.format(*map(variable, names)), **holds.described()}
        for names, holds, advice in _RULES
        if isinstance(holds, NoMoreThan | OneOf | DomainOf)
    ]
