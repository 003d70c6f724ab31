"""From the stored row to what is authorized now: the client's registration and the catalog may have moved since."""

from valetkey.core.authorization import Authorization
from valetkey.core.client import Client, GrantType
from valetkey.core.grant import GrantedAuthorization
from valetkey.core.resource import Catalog
from valetkey.core.scope import Scope


def authorize_granted(
    granted: GrantedAuthorization, client: Client, catalog: Catalog, *, scope: Scope, resources: tuple[str, ...]
) -> Authorization:
    """The authorization for a scope and resources within the granted ones.

    What the operator has since taken from the client is left out.
    """
    current = tuple(name for name in scope if name in client.scope)
    refreshable = GrantType.REFRESH_TOKEN in client.grant_types
    return Authorization(
        authorization_id=granted.authorization_id,
        client=client,
        scope=catalog.scope_for(current, resources),
        resources=resources,
        user=granted.user,
        authentication=granted.authentication,
        refresh_generation=granted.generation if refreshable else None,
        claims=granted.claims,
    )
