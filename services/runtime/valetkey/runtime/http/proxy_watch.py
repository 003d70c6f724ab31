"""Notices that a proxy in front of this service is not trusted, so that limits take all its clients for one address."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING

from valetkey.runtime.http.address import is_in, parse_address
from valetkey.runtime.telemetry.metrics import UNTRUSTED_PROXY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from valetkey.runtime.settings.types import Network

_LOG = logging.getLogger("valetkey.server")
SAMPLE_SECONDS = 1.0
WINDOW_SECONDS = 60.0
LEAST_SAMPLES = 10
LOG_SECONDS = 3600.0
_FORWARDING = ("X-Forwarded-For", "Forwarded")
# RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6. Loopback is left out: there it is a developer's machine.
_PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)


class ProxyWatch:
    """Looks at one request a second. Its memory is four numbers, whatever is sent.

    A window of a minute or more, with ten requests or more, is counted and told of where every request that was looked
    at came from a private address outside ``trusted`` and had a header that says for whom it was forwarded. Several
    replicas of a proxy are several addresses: one is not asked for. One request that came otherwise clears the window.
    The log has a line an hour at most.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self.due = 0.0
        self._trusted = trusted
        self._samples = 0
        self._suspects = 0
        self._began = 0.0
        self._silent_until = 0.0

    def look(self, request: web.Request, now: float) -> None:
        """Look at a request; to be called once ``now`` (monotonic seconds) has reached ``due``."""
        self.due = now + SAMPLE_SECONDS
        if not self._samples:
            self._began = now
        address = parse_address(request.remote or "")
        self._samples += 1
        self._suspects += address is not None and self._is_suspect(address, request)
        if now - self._began < WINDOW_SECONDS or self._samples < LEAST_SAMPLES:
            return
        if self._suspects == self._samples:
            self._tell(str(address), now)
        self._samples = self._suspects = 0

    def _is_suspect(self, address: IPv4Address | IPv6Address, request: web.Request) -> bool:
        return (
            is_in(address, _PRIVATE)
            and not is_in(address, self._trusted)
            and any(header in request.headers for header in _FORWARDING)
        )

    def _tell(self, address: str, now: float) -> None:
        UNTRUSTED_PROXY.add()
        if now < self._silent_until:
            return
        self._silent_until = now + LOG_SECONDS
        _LOG.warning(
            "a proxy is not trusted: limits and audit see one address for all clients behind it; name its networks in "
            "VALETKEY_TRUSTED_PROXIES, such as 10.244.0.0/16 (trustedProxies of the chart)",
            extra={"proxy": address},
        )
