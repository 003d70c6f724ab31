"""Which URLs this room talks to: https, or http on the machine itself while developing."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_PRINTABLE = re.compile(r"[\x21-\x7E]+")


def require_url(url: str, *, plain_loopback: bool) -> SplitResult:
    """The parts of `url`, if it may be fetched: https, or http on loopback when `plain_loopback`.

    Raises ValueError.
    """
    parts = urlsplit(url if _PRINTABLE.fullmatch(url) else "")
    secure = parts.scheme == "https" or (plain_loopback and is_plain_loopback(parts))
    if not secure or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError("not an https URL without user and fragment")
    return parts


def is_plain_loopback(parts: SplitResult) -> bool:
    """Whether this is http on a loopback address."""
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
