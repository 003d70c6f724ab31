"""The address of the client, for rate limits and audit only: it never authorizes anything."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, cast

from aiohttp import web

from valetkey.runtime.telemetry.tracing import current_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from valetkey.runtime.settings.types import Network

TRUSTED_PROXIES: web.AppKey[Sequence[Network]] = web.AppKey("trusted_proxies")
UNKNOWN = "unknown"
MAX_HOPS = 20
_SITE_PREFIX = 64
# Some proxies write the port too; an IPv6 address then stands in brackets, or its last group could be a port.
_HOP = re.compile(r"(?:([0-9.]+)|\[([^\[\]]+)\])(?::[0-9]{1,5})?")
KNOWN_ADDRESSES = 4096
# An IPv6 address, a zone and some spaces. What is longer is none, and must not be remembered as such.
MAX_LENGTH = 64


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4-mapped one as IPv4, without its zone; None where it is none."""
    return _known(text) if len(text) <= MAX_LENGTH else None


@lru_cache(KNOWN_ADDRESSES)
def _known(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            address = IPv6Address(int(address))
        return address.ipv4_mapped or address
    return address


@lru_cache(KNOWN_ADDRESSES)
def _text(address: IPv4Address | IPv6Address) -> str:
    return str(address)


def _parse_hop(text: str) -> IPv4Address | IPv6Address | None:
    """One element of X-Forwarded-For: an address, ``address:port``, ``[IPv6]`` or ``[IPv6]:port``."""
    match = _HOP.fullmatch(text.strip())
    return parse_address(text if match is None else match[1] or match[2])


def is_in(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has this address."""
    return any(address in network for network in networks)


def client_address(request: web.Request, trusted: Sequence[Network]) -> str:
    """The nearest address that is not one of our proxies; X-Forwarded-For counts only where a trusted hop wrote it."""
    address = parse_address(request.remote or "")
    if address is None:
        return UNKNOWN
    if not trusted or not is_in(address, trusted):
        return _text(address)
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for text in reversed(forwarded[-MAX_HOPS:]):
        hop = _parse_hop(text)
        if hop is None:
            break
        address = hop
        if not is_in(hop, trusted):
            break
    return _text(address)


def caller_address() -> str:
    """The client's address of the current request, for audit; empty outside of a request."""
    request = cast("web.Request | None", current_request())
    return "" if request is None else client_address(request, request.app[TRUSTED_PROXIES])


def limited_group(peer: str, trusted: Sequence[Network]) -> str | None:
    """The group that a connection from this peer counts for; None for our proxies, and where there is no address."""
    address = parse_address(peer)
    if address is None or is_in(address, trusted):
        return None
    return address_group(peer)


def address_group(address: str) -> str:
    """What a rate limit counts by: an IPv4 address, or the /64 that one IPv6 subscriber owns."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _SITE_PREFIX), strict=False))
    return str(parsed) if parsed else UNKNOWN
