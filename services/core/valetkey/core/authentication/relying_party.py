"""Whom passkeys are for: the RP ID, and the one origin whose pages may ask for them. WebAuthn §4, §13.4.9."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")


class RelyingPartyError(ValueError):
    """No passkey can be asked for under this RP ID; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """``rp_id`` is the domain that passkeys are bound to, for good; ``origin`` is spelled as browsers do."""

    rp_id: str
    origin: str


def relying_party(origin: str, rp_id: str = "") -> RelyingParty:
    """The relying party of an issuer's origin: its host, or a domain that this is in. Raises ``RelyingPartyError``."""
    host = urlsplit(origin).hostname or ""
    if not has_passkeys(origin):
        raise RelyingPartyError(f"browsers have no passkeys for {host}, which is an address; use a host name")
    if not is_rp_id_of(rp_id or host, origin):
        raise RelyingPartyError(f"{rp_id} must be the issuer's host {host}, or a domain with a dot that {host} is in")
    return RelyingParty(rp_id or host, origin)


def is_rp_id_of(rp_id: str, origin: str) -> bool:
    """Whether it is the host of an origin, or a domain that this is in, by whole labels. WebAuthn §5.1.3.

    Browsers refuse a domain under which anyone can register, such as ``co.uk``, too, by a list of theirs.
    """
    host = urlsplit(origin).hostname or ""
    # The dot is what keeps example.com apart from badexample.com.
    is_parent = "." in rp_id and host.endswith(f".{rp_id}")
    return is_domain(host) and is_domain(rp_id) and (rp_id == host or is_parent)


def has_passkeys(origin: str) -> bool:
    """Whether browsers have passkeys for the pages of this origin: its host is a name."""
    return is_domain(urlsplit(origin).hostname or "")


def is_domain(host: str) -> bool:
    """Whether a host is a name, for which browsers have passkeys, and no address."""
    try:
        ip_address(host)
    except ValueError:
        return _DOMAIN.fullmatch(host) is not None
    return False
