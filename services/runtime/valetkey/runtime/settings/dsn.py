"""A PostgreSQL URL and the password that goes with it, which may come apart from it: a URL may be shown, it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from valetkey.runtime.settings.reader import variable
from valetkey.runtime.settings.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_DSNS = ("postgres_dsn", "postgres_listen_dsn")


def with_postgres_password(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of settings, with ``postgres_password`` in every URL that names a user and holds no password."""
    password = values.get("postgres_password")
    if password is None:
        return dict(values)
    urls = {name: values[name].reveal() for name in _DSNS if name in values}
    complete = {name: _with_password(url, password.reveal()) for name, url in urls.items()}
    return {**values, **{name: Secret(url, variable(name)) for name, url in complete.items()}}


def has_password(dsn: str) -> bool:
    """Whether the URL holds a password, before the host or in the query."""
    parts = urlsplit(dsn)
    return ":" in parts.netloc.rpartition("@")[0] or "password" in parse_qs(parts.query)


def _with_password(dsn: str, password: str) -> str:
    netloc = urlsplit(dsn).netloc
    user, _, host = netloc.rpartition("@")
    if not user or has_password(dsn):
        return dsn
    return dsn.replace(netloc, f"{user}:{quote(password, safe='')}@{host}", 1)
