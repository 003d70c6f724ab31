"""Where an issuer keeps its keys and its introspection endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from valetkey.resource_server.error import IssuerUnavailable


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of an authorization server's metadata that a resource server needs. RFC 8414 §2."""

    issuer: str
    jwks_uri: str | None
    introspection_endpoint: str | None


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the metadata of `issuer` may be, best first. RFC 8414 §3.1, §5; OpenID Connect Discovery §4.1."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    urls = (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}/.well-known/openid-configuration{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )
    return tuple(dict.fromkeys(urls))


def read_metadata(document: Mapping[str, Any], issuer: str) -> Metadata:
    """The metadata in `document`, if it is that of `issuer`, byte for byte. RFC 8414 §3.3.

    Raises IssuerUnavailable.
    """
    if document.get("issuer") != issuer:
        raise IssuerUnavailable("the metadata document names another issuer")
    jwks_uri, introspection_endpoint = document.get("jwks_uri"), document.get("introspection_endpoint")
    if not isinstance(jwks_uri, str | None) or not isinstance(introspection_endpoint, str | None):
        raise IssuerUnavailable("an endpoint in the metadata document is not a string")
    return Metadata(issuer, jwks_uri, introspection_endpoint)
