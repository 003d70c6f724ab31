"""A Redis URL and the passwords that go with it, which may come apart from it: a URL may be shown, they may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from valetkey.runtime.settings.reader import variable
from valetkey.runtime.settings.redis_address import parse_address, with_passwords
from valetkey.runtime.settings.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_redis_passwords(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of settings, with both passwords in a Redis URL that lacks them."""
    url: Secret[str] | None = values.get("redis_url")
    if url is None:
        return dict(values)
    password, sentinel_password = (
        values[name].reveal() if name in values else None for name in ("redis_password", "redis_sentinel_password")
    )
    if parse_address(url.reveal()).topology != "sentinel":
        sentinel_password = None
    complete = with_passwords(url.reveal(), password, sentinel_password)
    return {**values, "redis_url": Secret(complete, variable("redis_url"))}
