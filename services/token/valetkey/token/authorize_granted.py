"""From the stored row to what is authorized now: the client's registration and the catalog may have moved since."""

from valetkey.core.client.client import Client, GrantType
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.resource import Catalog
from valetkey.core.oauth.scope import Scope
from valetkey.core.oauth.stored_authorization import GrantedAuthorization


def current_resources(granted: tuple[str, ...], client: Client, catalog: Catalog) -> tuple[str, ...]:
    """The granted resources that still exist and that the client may still ask tokens for. RFC 8707 §2.2."""
    allowed = catalog.resources_for(client) & catalog.resources.keys()
    return tuple(resource for resource in catalog.registered(granted) if resource in allowed)


def authorize_granted(
    granted: GrantedAuthorization, client: Client, catalog: Catalog, *, scope: Scope, resources: tuple[str, ...]
) -> Authorization:
    """The authorization for a scope and current resources within the granted ones.

    Scopes that the operator has since taken from the client are left out.
    """
    current = tuple(name for name in scope if name in client.scope)
    refreshable = GrantType.REFRESH_TOKEN in client.grant_types
    return Authorization(
        authorization_id=granted.authorization_id,
        client=client,
        epochs=granted.epochs,
        scope=catalog.scope_for(current, resources),
        resources=resources,
        user=granted.user,
        authentication=granted.authentication,
        refresh_generation=granted.generation if refreshable else None,
        claims=granted.claims,
        access_token_typ=catalog.access_token_typ(resources),
        claim_table=catalog.claim_table,
    )
