"""What a policy says of one claim: where its value comes from, how it is filtered, and where it is returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from valetkey.core.oidc.claims.policy.constant import Constant
from valetkey.core.oidc.claims.policy.from_attribute import FromAttribute
from valetkey.core.oidc.claims.policy.from_claim import FromClaim
from valetkey.core.oidc.claims.policy.kind import ID_TOKEN, USERINFO, Filter, Origin, Place, Source
from valetkey.core.oidc.claims.policy.match import Match
from valetkey.core.oidc.claims.policy.places import Places
from valetkey.core.oidc.claims.policy.prefix import Prefix
from valetkey.core.oidc.claims.registry import CLAIM
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS
from valetkey.core.oidc.claims.table import has_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.table import ClaimTable

MAX_NAME_LENGTH = 128
_IN = "in"
_SOURCES: Mapping[str, Callable[[object], Source]] = {
    "from": FromClaim.read,
    "value": Constant.read,
    "attribute": FromAttribute.read,
}
# In the order in which they are applied: patterns are those of the names before the prefix.
_FILTERS: Mapping[str, Callable[[object], Filter]] = {"match": Match.read, "prefix": Prefix.read}
MEMBERS = (_IN, *_SOURCES, *_FILTERS)


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One line of a policy. ``places`` is None where the claim is returned where it would be without the line."""

    name: str
    source: Source
    filters: tuple[Filter, ...] = ()
    places: Places | None = None

    @classmethod
    def read(cls, name: str, members: object) -> Self:
        """From a file: a mapping, or nothing for a claim as it is. Raises ``ValueError``."""
        _require_name(name)
        given = {} if members is None else members
        if not isinstance(given, Mapping):
            raise ValueError(  # noqa: TRY004 - the file is at fault
                f"write a mapping with some of {', '.join(MEMBERS)}"
            )
        if unknown := [str(member) for member in given if member not in MEMBERS]:
            raise ValueError(f"{unknown[0][:MAX_NAME_LENGTH]} means nothing here; choose from {', '.join(MEMBERS)}")
        sources = [read(given[member]) for member, read in _SOURCES.items() if member in given]
        if len(sources) > 1:
            raise ValueError(f"give one of {', '.join(_SOURCES)}")
        return cls(
            name=name,
            source=sources[0] if sources else FromClaim(name),
            filters=tuple(read(given[member]) for member, read in _FILTERS.items() if member in given),
            places=Places.read(given[_IN]) if _IN in given else None,
        )

    def applies(self, place: Place, base: frozenset[str], table: ClaimTable) -> bool:
        """Whether the claim is returned there; ``base`` are those that are without a policy."""
        if self.places is not None:
            return self.places.include(place)
        claim = self.source.claim(table)
        return place.name in (ID_TOKEN, USERINFO) if claim is None else claim in base

    def value(self, origin: Origin) -> object:
        """The value, None where none is returned."""
        value = self.source.value(origin)
        if not self.filters or not isinstance(value, list | tuple):
            return value if has_value(value) else None
        texts = list(value)
        for each in self.filters:
            texts = each.apply(texts)
        return texts or None

    def problems(self, catalog: Catalog) -> Iterable[str]:
        """What is wrong with it where these scopes, resource servers and claims are registered."""
        yield from self.source.problems(self.name, catalog)
        if self.places is not None:
            yield from self.places.problems(catalog)
        is_list = self.source.is_list(catalog.claim_table)
        if self.filters and not is_list:
            yield "match and prefix are for lists of texts, such as groups"
        if self.name in CLAIM and CLAIM[self.name].is_list and not is_list:
            yield "must be a list of texts, whatever it is made from"


def _require_name(name: str) -> None:
    if name in RESERVED_CLAIMS:
        raise ValueError("is reserved; the protocol sets it and no policy can. Choose another name")
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable() or " " in name:
        raise ValueError(f"use 1 to {MAX_NAME_LENGTH} printable characters without spaces for the name of a claim")
