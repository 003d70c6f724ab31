"""What a client may be registered with. RFC 7591 §2, OAuth 2.1 §2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from valetkey.core.client.client import AccessTokenTyp, Client, ConsentPolicy, GrantType, PkcePolicy
from valetkey.core.client.metadata import metadata_problems
from valetkey.core.client.metadata_field import Kind
from valetkey.core.oauth.redirect_uri import names_localhost
from valetkey.core.oauth.resource import other_spelling
from valetkey.core.oauth.uri_equivalence import is_same_uri

if TYPE_CHECKING:
    from valetkey.core.oauth.resource import Catalog

MAX_CLIENT_ID_LENGTH = 128
_CLIENT_ID = re.compile(rf"[A-Za-z0-9._~\-]{{1,{MAX_CLIENT_ID_LENGTH}}}")
_UUID = re.compile(r"[0-9a-fA-F]{32}")
# Problems are told in this order: words, grants with what goes with them, addresses, the catalog.
_ADDRESSES = (Kind.URIS, Kind.URL, Kind.RESOURCES, Kind.RESOURCE)
_WORDS = tuple(kind for kind in Kind if kind not in (Kind.CHOICES, *_ADDRESSES))
_NO_DIGIT = re.compile(r"^[uU][rR][nN]:[uU]{2}[iI][dD]:|[^0-9a-zA-Z]")


def client_problems(client: Client, catalog: Catalog, issuer: str = "") -> list[str]:
    """Everything that is wrong with a registration, in words for its operator; empty where it may be stored.

    ``issuer`` is empty where it is not known; then what collides with it is not found.
    """
    problems = []
    if not _CLIENT_ID.fullmatch(client.client_id):
        problems.append("client_id: use 1 to 128 letters, digits, dots, dashes, underscores or tildes")
    problems += metadata_problems(client, *_WORDS)
    problems += metadata_problems(client, Kind.CHOICES) + _grant_problems(client)
    if client.is_public and client.consent not in (None, ConsentPolicy.ASK):
        problems += _public_consent_problems(client)
    problems += metadata_problems(client, *_ADDRESSES) + _catalog_problems(client, catalog)
    if issuer and client.resource is not None and is_same_uri(client.resource, issuer):
        problems.append(
            f"resource: {client.resource} names the issuer, and tokens for no API in particular are for the issuer; "
            "give the API a URI of its own"
        )
    return problems


def is_like_subject(client_id: str) -> bool:
    """Whether this could be taken for the ``sub`` of a user: a UUID, in any spelling and letter case. RFC 9562 §4.

    A client's tokens have its ``client_id`` as their subject, so the two must never meet. RFC 9700 §4.15.
    """
    return _UUID.fullmatch(_NO_DIGIT.sub("", client_id)) is not None


def new_client_problems(client_id: str) -> list[str]:
    """Why no new client may have this ``client_id``. A client that has it from an earlier release keeps it."""
    if not is_like_subject(client_id):
        return []
    return ["client_id: a UUID could be taken for the subject of a user (RFC 9700 §4.15); choose a word"]


def _grant_problems(client: Client) -> list[str]:
    problems = []
    redirects = GrantType.AUTHORIZATION_CODE in client.grant_types
    if redirects and not client.redirect_uris:
        problems.append("redirect_uris: authorization_code needs at least one")
    if client.redirect_uris and not redirects:
        problems.append("redirect_uris: only authorization_code uses them; add the grant or remove the URIs")
    if GrantType.REFRESH_TOKEN in client.grant_types and not redirects:
        problems.append("grant_types: refresh_token goes with authorization_code")
    if client.is_public and GrantType.CLIENT_CREDENTIALS in client.grant_types:
        problems.append("grant_types: a public client cannot have client_credentials (OAuth 2.1 §4.2)")
    if client.is_public and client.pkce is not PkcePolicy.REQUIRED:
        problems.append("pkce: a public client always needs it (OAuth 2.1 §7.5.1); leave pkce out")
    if client.resource is None and client.access_token_typ is not AccessTokenTyp.AT_JWT:
        problems.append(
            "access_token_typ: only tokens for a resource server have one; give resource too, or leave it out"
        )
    if client.is_public and client.resource is not None:
        problems.append("resource: a resource server must be able to authenticate; choose client_secret_basic")
    return problems


def _public_consent_problems(client: Client) -> list[str]:
    """RFC 8252 §8.6: without a secret and without an https redirect URI nothing tells the client from an impostor."""
    if any(client.is_proven_by(uri) for uri in client.redirect_uris):
        return []
    where = "only where a redirect URI is https (RFC 8252 §8.6)"
    return [f"consent: {client.consent} counts for a public client {where}; leave consent out"]


def _catalog_problems(client: Client, catalog: Catalog) -> list[str]:
    problems = [f"scope: {name} is not registered" for name in client.scope if name not in catalog.scopes]
    known = catalog.resources.keys() | {client.resource}
    for name in sorted(client.resources - known):
        other = other_spelling(name)
        hint = f"; {other} is" if other in catalog.resources else ""
        problems.append(f"resources: {name} is no registered resource server{hint}")
    other = None if client.resource is None else other_spelling(client.resource)
    if other in catalog.resources:
        problems.append(f"resource: {other} is registered, and is the same but for a slash (RFC 3986 §6.2.3)")
    if client.claim_policy is not None:
        problems += [f"claim_policy: {problem}" for problem in client.claim_policy.problems(catalog)]
    return problems


def registration_notices(client: Client) -> list[str]:
    """What an operator should know of a registration that is allowed."""
    if not client.is_native or not any(map(names_localhost, client.redirect_uris)):
        return []
    return [
        "redirect_uris: prefer http://127.0.0.1 to http://localhost, a name that may lead elsewhere (RFC 8252 §8.3)"
    ]
