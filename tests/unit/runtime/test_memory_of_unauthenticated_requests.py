"""What unauthenticated requests can make a process remember, with values of the greatest length: bounded, and small."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from multidict import CIMultiDict

from support.memory_of import size_of
from valetkey.core.client.registration import MAX_CLIENT_ID_LENGTH
from valetkey.core.encoding import b64url_encode
from valetkey.core.jose import sign, verify_own
from valetkey.core.jose.verify_own import KeySet, verify_signature
from valetkey.core.oauth import refresh_token
from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.redirect_uri import MAX_LENGTH, response_target
from valetkey.runtime.http import address
from valetkey.runtime.http.address import address_group, client_address
from valetkey.storage.postgres.caches.client_cache import ClientCache
from valetkey.storage.redis.limits.window_limit import MAX_REMEMBERED, WindowLimit

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LONG = "x" * 7000
PROXIES = (ip_network("10.0.0.0/8"),)
KEYS = KeySet({})
pytestmark = pytest.mark.requirement(
    "security 55c: what unauthenticated requests can make a process keep is bounded in bytes"
)


def forwarded(value: str) -> web.Request:
    """As much of a request as an address is read from."""
    return cast("web.Request", SimpleNamespace(remote="10.0.0.1", headers=CIMultiDict({"X-Forwarded-For": value})))


def forward_nonsense(number: int) -> None:
    assert client_address(forwarded(f"{LONG}{number}, 10.0.0.2"), PROXIES) == "10.0.0.2"


def forward_addresses(number: int) -> None:
    hops = ", ".join(f"2001:db8:{number:x}:{hop:x}::1%zone{number}" for hop in range(8))
    client_address(forwarded(f"{hops}, 10.0.0.2"), PROXIES)
    address_group(f"2001:db8:{number:x}::1")


def present_a_long_header(number: int) -> None:
    header = b64url_encode(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": f"{LONG[:5000]}{number}"}).encode())
    with suppress(InvalidToken):
        verify_signature(f"{header}.e30.e30", KEYS, "at+jwt")


def present_a_short_header(number: int) -> None:
    header = b64url_encode(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": f"{number}"}).encode())
    with suppress(InvalidToken):
        verify_signature(f"{header}.e30.e30", KEYS, "at+jwt")


@pytest.mark.parametrize(
    ("send", "limit"),
    [
        (forward_nonsense, 1 << 10),
        (present_a_long_header, 1 << 10),
        (present_a_short_header, 64 << 10),
        (forward_addresses, address.KNOWN_ADDRESSES * 600),
    ],
)
def test_what_is_sent_is_not_remembered_beyond_a_bound(send: Callable[[int], None], limit: int) -> None:
    caches = [vars(address)["_known"], vars(address)["_text"], vars(verify_own)["_read_header"]]
    for cache in caches:
        cache.cache_clear()
    send(0)
    before = size_of(*caches)

    for number in range(1, 5000):
        send(number)

    assert size_of(*caches) - before < limit


def test_redirect_uris_are_not_remembered_beyond_a_bound() -> None:
    cache = response_target
    cache.cache_clear()
    before = size_of(cache)

    for port in range(1024, 6000):
        # A parameter of an answer is left out, so that two texts are remembered.
        assert response_target(f"http://127.0.0.1:{port}/{'x' * (MAX_LENGTH - 50)}?code=1")

    assert (1 << 20) < size_of(cache) - before < 1024 * (2 * MAX_LENGTH + 400)


def test_what_only_our_own_keys_fill_is_small() -> None:
    for cache in (vars(sign)["_header"], vars(refresh_token)["_keyed"]):
        assert cache.cache_info().maxsize == 64


class NoDatabase:
    """Fails every query."""

    def on_notify(self, _channel: str, _callback: object) -> None:
        """Nothing ever changes."""


async def test_no_store_is_asked_for_a_client_id_that_cannot_be_registered() -> None:
    clients = ClientCache(
        NoDatabase(),  # type: ignore[arg-type]
        size=10,
        lifetime=timedelta(seconds=60),
        stale_lifetime=timedelta(seconds=60),
        clock=lambda: NOW,
    )

    before = size_of(clients)

    found = {await clients.find(f"{LONG}{number}") for number in range(1000)}

    assert found == {None}
    assert size_of(clients) == before
    with pytest.raises(AttributeError):
        await clients.find("x" * MAX_CLIENT_ID_LENGTH)


class Spent:
    """A storage in which everything has been counted a thousand times."""

    async def incr(self, _key: str, _expiry: int, amount: int = 1) -> int:
        return 1000 * amount


async def test_so_many_keys_that_are_spent_are_remembered_by_their_digests() -> None:
    loop = asyncio.get_running_loop()
    limit = WindowLimit(Spent(), "limit", 1, 60)  # type: ignore[arg-type]

    for number in range(MAX_REMEMBERED + 10):
        await limit.count(f"{LONG}{number}")
        if number == MAX_REMEMBERED - 1:
            most = size_of(limit, apart_from=(loop,))

    assert most < 4 << 20
    assert size_of(limit, apart_from=(loop,)) < most
