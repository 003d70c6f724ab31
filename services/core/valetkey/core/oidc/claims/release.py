"""Which claims a client gets where: what was asked and agreed to, then the client's policy. OIDC Core §5.4, §5.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.client.client import IdTokenClaims
from valetkey.core.oidc.claims.policy.kind import ACCESS_TOKEN, ID_TOKEN, USERINFO, Origin, Place

if TYPE_CHECKING:
    from collections.abc import Collection

    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client
    from valetkey.core.oauth.authorization import Authorization
    from valetkey.core.oauth.scope import Scope
    from valetkey.core.oidc.claims.table import ClaimTable

_ID_TOKEN, _USERINFO = Place(ID_TOKEN), Place(USERINFO)
_NONE: frozenset[str] = frozenset()


def id_token_user_claims(authorization: Authorization, user: User) -> dict[str, object]:
    """What an ID token says about the user, as the client is registered for: ``id_token_claims`` and its policy."""
    client, table, requested = authorization.client, authorization.claim_table, authorization.claims
    opened = table.opened_by(authorization.scope)
    match client.id_token_claims:
        case IdTokenClaims.SCOPES:
            base = _with(opened, requested.id_token)
        case IdTokenClaims.NONE:
            base = _NONE
        case _:
            base = frozenset(requested.id_token)
    if client.claim_policy is None:
        return table.values(user, base)
    return client.claim_policy.apply(_ID_TOKEN, base, Origin(user, table, _with(opened, requested.names)))


def access_token_user_claims(authorization: Authorization) -> dict[str, object]:
    """What an access token says about the user: nothing, unless the client's policy says so. RFC 9068 §2.2.2."""
    policy, user = authorization.client.claim_policy, authorization.user
    if policy is None:
        return {}
    table, requested = authorization.claim_table, authorization.claims
    opened = _NONE if user is None else _with(table.opened_by(authorization.scope), requested.names)
    return policy.apply(Place(ACCESS_TOKEN, authorization.resources), _NONE, Origin(user, table, opened))


def userinfo_claims(
    client: Client, table: ClaimTable, user: User, scope: Scope, requested: Collection[str]
) -> dict[str, object]:
    """The UserInfo response. OIDC Core §5.3.2."""
    base = _with(table.opened_by(scope), requested)
    if client.claim_policy is None:
        claims = table.values(user, base)
    else:
        claims = client.claim_policy.apply(_USERINFO, base, Origin(user, table, base))
    claims["sub"] = user.sub
    return claims


def _with(opened: frozenset[str], requested: Collection[str]) -> frozenset[str]:
    # The very same set where nothing is added: what is known of it is found by its hash, which it remembers.
    return opened.union(requested) if requested else opened
