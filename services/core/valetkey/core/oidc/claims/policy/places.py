"""``in``: where a claim is returned: ID tokens, UserInfo, every access token, or those for one resource server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from valetkey.core.oauth.resource import MAX_RESOURCES, is_resource_identifier
from valetkey.core.oidc.claims.policy.kind import ACCESS_TOKEN, ID_TOKEN, USERINFO, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog

_NAMES = (ID_TOKEN, USERINFO, ACCESS_TOKEN)


@dataclass(frozen=True, slots=True)
class Places:
    """An empty list means nowhere. A token for several resource servers has a claim only if each of them may see it."""

    names: frozenset[str]
    audience: frozenset[str] = frozenset()

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise ValueError(f"in: write a list of {', '.join(_NAMES)}, or URIs of resource servers")
        audience = frozenset(listed) - frozenset(_NAMES)
        for name in sorted(audience):
            if not is_resource_identifier(name):
                raise ValueError(f"in: {name} is neither {', '.join(_NAMES)} nor the URI of a resource server")
        if len(audience) > MAX_RESOURCES:
            raise ValueError(f"in: name at most {MAX_RESOURCES} resource servers, or {ACCESS_TOKEN} for all")
        return cls(frozenset(listed) - audience, audience)

    def include(self, place: Place) -> bool:
        """Whether the claim is returned there."""
        return place.name in self.names or (bool(place.audience) and self.audience.issuperset(place.audience))

    def problems(self, catalog: Catalog) -> Iterable[str]:
        """What of it does not exist."""
        for name in sorted(self.audience - catalog.resources.keys()):
            yield f"in: {name} is no registered resource server"
