"""From the fields of a registration, wherever they were written, to a ``Client``. RFC 7591 §2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from valetkey.core.client.client import Client, GrantType, IdTokenClaims
from valetkey.core.client.installation_rules import USUAL_RULES, InstallationRules
from valetkey.core.client.metadata import typed_metadata
from valetkey.core.client.registration import client_problems, new_client_problems
from valetkey.core.oauth.resource import Catalog


def new_client(client_id: str, fields: Mapping[str, object]) -> Client:
    """A client with these fields; the others as RFC 7591 §2 has them.

    Without ``grant_types`` it gets authorization_code where it has redirect URIs, and none where it has not.
    """
    given = typed_metadata(fields)
    redirects = bool(given.get("redirect_uris"))
    defaults: dict[str, Any] = {
        "client_name": client_id,
        "token_endpoint_auth_method": None,
        "grant_types": frozenset({GrantType.AUTHORIZATION_CODE.value} if redirects else ()),
    }
    return Client(client_id=client_id, uid=uuid4(), **(defaults | given))


def with_new_defaults(client: Client, stored: Client | None) -> Client:
    """The client with what is the default of new clients only, and not of those that an earlier release registered.

    ``stored`` is the registration there is. One of release 0.2 has no ``id_token_claims``, and goes without until it is
    said; a confidential client gets the claims of its scopes, since many read nothing but the ID token.
    """
    if client.id_token_claims is not None or (stored is not None and stored.id_token_claims is None):
        return client
    default = IdTokenClaims.REQUESTED if client.is_public else IdTokenClaims.SCOPES
    return replace(client, id_token_claims=default)


def changed_client(client: Client, fields: Mapping[str, object]) -> Client:
    """The same client with other values for these fields."""
    return replace(client, **typed_metadata(fields))


def registration_problems(
    client: Client, catalog: Catalog, issuer: str, installation: InstallationRules = USUAL_RULES
) -> list[str]:
    """Everything that is wrong with a client, in words for its operator; ``issuer`` is empty where it is unknown."""
    problems = client_problems(client, catalog, issuer)
    if not client.is_public and client.pkce is not client.pkce_policy(installation):
        problems.append("pkce: this installation permits no exceptions (VALETKEY_PKCE_EXCEPTIONS); leave pkce out")
    if not client.grant_types and client.resource is None:
        problems.append("grant_types: without a grant the client can do nothing; a resource server needs none")
    return problems


def creation_problems(client: Client) -> list[str]:
    """Why a client that is not registered yet cannot become so, beside ``registration_problems``."""
    return new_client_problems(client.client_id)


def change_problems(old: Client, new: Client) -> list[str]:
    """Why a client cannot become the other."""
    if old.is_public == new.is_public:
        return []
    return ["token_endpoint_auth_method: a client stays public or confidential; register another one"]
