"""The claim policy of a client: one line per claim, and what it returns in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from valetkey.core.oidc.claims.policy.rule import MAX_NAME_LENGTH, ClaimRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.policy.kind import Origin, Place
    from valetkey.core.oidc.claims.table import ClaimTable

MAX_RULES = 64
# Constants alone never make an access token too long.
MAX_BYTES = 4 << 10
MOST_POLICIES = 1024
# For each policy: as many lists of resources and scopes, as they are asked together.
MOST_PLANS = 16


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """``text`` is the JSON that an operator wrote, in one order.

    ``unreadable`` says by the name of a claim, or an empty one, why a line cannot be read, such as one of a later
    release. Such a claim is returned nowhere. ``names`` are the claims that have a line. ``plans`` is what it was found
    to say, by where and of which claims.
    """

    text: str
    rules: tuple[ClaimRule, ...] = field(compare=False, repr=False)
    unreadable: Mapping[str, str] = field(compare=False, repr=False)
    names: frozenset[str] = field(compare=False, repr=False)
    plans: dict[tuple[Place, frozenset[str], ClaimTable], Plan] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @classmethod
    def of(cls, document: object) -> ClaimPolicy:
        """The policy that a mapping from names of claims to their lines describes. Clients with the same share it."""
        return read_policy(json.dumps(document, sort_keys=True))

    @property
    def document(self) -> object:
        """What the operator wrote."""
        return json.loads(self.text)

    def problems(self, catalog: Catalog) -> Iterable[str]:
        """What is wrong with lines that can be read."""
        for rule in self.rules:
            yield from (f"{rule.name}: {problem}" for problem in rule.problems(catalog))

    def apply(self, place: Place, base: frozenset[str], origin: Origin) -> dict[str, object]:
        """The claims to return there. ``base`` are the names of those that would be returned without a policy.

        A claim that has a line is returned as the line says. One that a line renames is not returned beside it.
        """
        asked = (place, base, origin.table)
        plan = self.plans.get(asked)
        if plan is None:
            plan = self._plan(place, base, origin.table)
            if len(self.plans) >= MOST_PLANS:
                self.plans.clear()
            self.plans[asked] = plan
        returned: dict[str, object] = {}
        if plan.as_they_are and origin.user is not None:
            returned = origin.table.values(origin.user, plan.as_they_are)
        for rule in plan.rules:
            if (value := rule.value(origin)) is not None:
                returned[rule.name] = value
        return returned

    def _plan(self, place: Place, base: frozenset[str], table: ClaimTable) -> Plan:
        rules = tuple(rule for rule in self.rules if rule.applies(place, base, table))
        return Plan(rules, base - self.names - {rule.source.claim(table) for rule in rules})


class Plan(NamedTuple):
    """The lines of a policy that say something somewhere, and the claims that are returned there as without it."""

    rules: tuple[ClaimRule, ...]
    as_they_are: frozenset[str]


@lru_cache(MOST_POLICIES)
def read_policy(text: str) -> ClaimPolicy:
    """What a policy says, from its JSON."""
    document = json.loads(text)
    if not isinstance(document, dict):
        return ClaimPolicy(text, (), {"": "write a mapping from names of claims to what is said of them"}, frozenset())
    rules, unreadable = [], dict[str, str]()
    if len(document) > MAX_RULES or len(text) > MAX_BYTES:
        unreadable[""] = f"is too large; {MAX_RULES} claims and {MAX_BYTES} bytes of JSON are the most"
    for name, members in cast("Mapping[str, object]", document).items():
        try:
            rules.append(ClaimRule.read(name, members))
        except ValueError as error:
            unreadable[name] = f"{name[:MAX_NAME_LENGTH]}: {error}"
    return ClaimPolicy(text, tuple(rules), unreadable, frozenset(document))
