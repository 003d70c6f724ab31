"""Whom passkeys are for: the RP ID, and the one origin whose pages may ask for them. WebAuthn §4, §13.4.9."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")


class RelyingPartyError(ValueError):
    """No passkey can be asked for under this RP ID; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """``rp_id`` is the domain that passkeys are bound to, for good; ``origin`` is spelled as browsers do."""

    rp_id: str
    origin: str


def relying_party(issuer: str, rp_id: str | None = None) -> RelyingParty:
    """The relying party of this issuer: its host, or a parent domain. Raises ``RelyingPartyError``.

    Browsers refuse a domain under which anyone can register, such as ``co.uk``, by a list of theirs. WebAuthn §5.1.3.
    """
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    if not is_domain(host):
        raise RelyingPartyError(f"browsers have no passkeys for {host}, which is an address; use a host name")
    chosen = rp_id or host
    if chosen != host and not _is_parent(chosen, host):
        raise RelyingPartyError(f"{chosen} must be the issuer's host {host}, or a domain with a dot that {host} is in")
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return RelyingParty(chosen, f"{parts.scheme}://{host}{port}")


def is_domain(host: str) -> bool:
    """Whether a host is a name, for which browsers have passkeys, and no address."""
    try:
        ip_address(host)
    except ValueError:
        return _DOMAIN.fullmatch(host) is not None
    return False


def _is_parent(domain: str, host: str) -> bool:
    # The dot is what keeps example.com apart from badexample.com.
    return "." in domain and is_domain(domain) and host.endswith(f".{domain}")
