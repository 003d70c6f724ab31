"""Which service serves which path: what every ingress, proxy and front door is set up from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first path segment below the issuer, and who serves it; whatever is not here goes to the pages.
ROUTES: Mapping[str, str] = {
    "authorize": "authorize",
    "login": "authorize",
    "select-account": "authorize",
    "consent": "authorize",
    "logout": "authorize",
    "static": "authorize",
    "token": "token",
    "revoke": "token",
    "introspect": "introspection",
    "userinfo": "introspection",
    "jwks": "introspection",
    ".well-known": "introspection",
}
FALLBACK = "authorize"


def service_of(target: str, issuer_path: str) -> str:
    """The service for a request target of an issuer below this path.

    Well-known documents may precede the issuer's path. RFC 8414 §3.1.
    """
    below = target.removeprefix(issuer_path) if target.startswith(f"{issuer_path}/") else target
    segment = below.lstrip("/").partition("?")[0].partition("/")[0]
    return ROUTES.get(segment, FALLBACK)
