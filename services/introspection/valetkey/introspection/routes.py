"""Where the endpoints are, and which of them scripts of any origin may read."""

from __future__ import annotations

from aiohttp import web

from valetkey.core.oauth.server_metadata import AUTHORIZATION_SERVER, OPENID_CONFIGURATION, issuer_path, metadata_paths
from valetkey.introspection import endpoints


def routes(issuer: str) -> list[web.RouteDef]:
    """Every endpoint of this service, below the path of the issuer."""
    path = issuer_path(issuer)
    return [
        web.post(f"{path}/introspect", endpoints.introspect),
        web.get(f"{path}/userinfo", endpoints.userinfo, allow_head=False),
        web.post(f"{path}/userinfo", endpoints.userinfo),
        web.get(f"{path}/jwks", endpoints.jwks),
        *(web.get(place, endpoints.metadata) for place in _metadata_places(issuer)),
    ]


def cross_origin(issuer: str) -> dict[str, tuple[str, ...]]:
    """What single-page applications call. Never introspection: no secret belongs in a browser."""
    path = issuer_path(issuer)
    readable = (f"{path}/jwks", *_metadata_places(issuer))
    return {f"{path}/userinfo": ("GET", "POST"), **dict.fromkeys(readable, ("GET", "HEAD"))}


def _metadata_places(issuer: str) -> tuple[str, ...]:
    return (*metadata_paths(issuer, AUTHORIZATION_SERVER), *metadata_paths(issuer, OPENID_CONFIGURATION))
