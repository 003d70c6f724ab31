"""Every public address, and the discovery document."""

from __future__ import annotations

import json

from valetkey.core.oauth.server_metadata import authorization_server_metadata
from valetkey.core.routes import ROUTES, Cache, Route
from valetkey.runtime.http.health import Health, create_management_app

_HEAD = """# HTTP API

<!-- Made from the code by `make docs-reference`. -->

Below the issuer's address. Parameters are those of the specifications, as `application/x-www-form-urlencoded`; a body
is read only where POST is. *Any origin* means that scripts of every origin may call it (CORS).

| path | methods | service | answers | caches may keep it | scripts of |
|---|---|---|---|---|---|
"""
_MANAGEMENT = """
## The management port

Port 9090 of every replica, for the cluster alone. No proxy may lead there.

"""
_METADATA = """
## The discovery document

At `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`, the same members at both.
Registered scopes and custom claims come in addition.

```json
"""
_STANDARD_SCOPES = ("openid", "profile", "email", "address", "phone", "groups", "offline_access")


def render() -> str:
    """The page."""
    rows = "".join(map(_row, ROUTES))
    paths = sorted(resource.canonical for resource in create_management_app(Health()).router.resources())
    management = "".join(f"- `{path}`\n" for path in paths)
    metadata = json.dumps(authorization_server_metadata("https://id.example.com", _STANDARD_SCOPES), indent=2)
    return f"{_HEAD}{rows}{_MANAGEMENT}{management}{_METADATA}{metadata}\n```\n"


def _row(route: Route) -> str:
    caching = {Cache.NO_STORE: "no", Cache.MAX_AGE: "for `VALETKEY_JWKS_MAX_AGE`", Cache.IMMUTABLE: "for a year"}
    methods = ", ".join(route.methods)
    origins = "any origin" if route.cross_origin else "its own origin"
    answers = "a page" if route.is_page else f"`{route.metadata}`" if route.metadata else "a file"
    return f"| `{route.path}` | {methods} | {route.service} | {answers} | {caching[route.cache]} | {origins} |\n"
