"""Proxies on both sides: those that requests come through, and those that connections out of here may go through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.runtime.settings.environment import driver_variables, outbound_proxy, proxy_variables
from valetkey.runtime.settings.reader import variable
from valetkey.runtime.settings.settings import Settings

UNTRUSTED = "valetkey_untrusted_proxy_windows_total"
_TRUSTED, _ARRIVING, _OUTBOUND, _DRIVER = "trusted proxies", "proxies in front", "outbound proxy", "postgres variables"
_EXPORTS = ("otlp_endpoint", "metrics_otlp_endpoint")
_DIRECT = "PostgreSQL, Redis and the issuer are asked directly"
_NARROW = "Name the networks of your proxies only: whatever connects from these may claim any address."
_LOOK = "Name them for services behind a proxy; with --metrics URL of a service this tells whether one is missing."
_NAME_THEM = (
    "Name its networks in VALETKEY_TRUSTED_PROXIES (trustedProxies of the chart); the address is in the log beside "
    '"a proxy is not trusted" (deploy/runbooks/ValetkeyProxyNotTrusted.md).'
)
_WIDEST = {4: 8, 6: 16}


def examine_trusted_proxies(networks: Sequence[IPv4Network | IPv6Network]) -> Finding:
    """The networks whose ``X-Forwarded-For`` is believed."""
    if not networks:
        return skipped(_TRUSTED, "VALETKEY_TRUSTED_PROXIES is not set here; services have their own", _LOOK)
    listed = ", ".join(map(str, networks))
    if every := [str(network) for network in networks if not network.prefixlen]:
        return unwell(_TRUSTED, f"{', '.join(every)} is every address: any caller may claim another one", _NARROW)
    if wide := [str(network) for network in networks if network.prefixlen < _WIDEST[network.version]]:
        return doubtful(_TRUSTED, f"{', '.join(wide)} is wide, of {listed}", _NARROW)
    return well(_TRUSTED, f"X-Forwarded-For is believed from {listed}")


def examine_proxies_in_front(windows: Mapping[str, int | None]) -> list[Finding]:
    """What services have seen arrive: ``windows`` has their counts of ``UNTRUSTED`` by URL, None for no answer."""
    return [_arriving(url, count) for url, count in windows.items()]


def _arriving(url: str, count: int | None) -> Finding:
    if count is None:
        advice = (
            "Give the URL of a service's metrics, such as http://10.1.2.3:9090/metrics, and let this program reach it."
        )
        return unwell(_ARRIVING, f"{url} shows no metrics of a service", advice)
    if count:
        detail = (
            f"{url}: in {count} minute(s) whatever was looked at came through a private address that is not trusted"
        )
        return unwell(_ARRIVING, detail, _NAME_THEM)
    return well(_ARRIVING, f"{url}: no request came through a proxy that is not trusted")


def examine_outbound(settings: Settings) -> list[Finding]:
    """Variables that other programs put into the environment, and what they do here."""
    findings = [_outbound(settings)]
    if names := driver_variables():
        detail = f"{', '.join(names)}: the driver takes from there what VALETKEY_POSTGRES_DSN leaves out"
        findings.append(doubtful(_DRIVER, detail, "Unset them, or write into the URL what they say."))
    return findings


def _outbound(settings: Settings) -> Finding:
    names = ", ".join(proxy_variables())
    if not names:
        return well(_OUTBOUND, "no variable names one")
    through = [
        f"{variable(name)} through {_without_user(proxy)}"
        for name in _EXPORTS
        if (url := getattr(settings, name)) and (proxy := outbound_proxy(url))
    ]
    if through:
        advice = "Nothing, where the collector is out there; else add its host to NO_PROXY."
        return doubtful(_OUTBOUND, f"{names}: {'; '.join(through)}; {_DIRECT}", advice)
    return well(_OUTBOUND, f"{names}: obeyed by the export of traces and metrics alone; {_DIRECT}")


def _without_user(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[2]
    except ValueError:
        return "what it names"
