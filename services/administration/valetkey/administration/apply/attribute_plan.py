"""What has to change so that the custom attributes of users are what a file asks for. Pure, and a part of ``plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.apply.change import AttributeChange, Kind, changed_fields
from valetkey.administration.ownership import owned_by
from valetkey.core.oidc.claims.attribute import attribute_problems, attribute_set_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from valetkey.core.oauth.resource import RegisteredScope
    from valetkey.core.oidc.claims.attribute import UserAttribute
    from valetkey.storage.postgres.tables.catalog import AttributeRecord


class AttributePlanner:
    """``afterwards`` are the attributes that there will be; the rest is as in ``Plan``."""

    def __init__(
        self,
        declared: Iterable[UserAttribute],
        stored: Iterable[AttributeRecord],
        owner: str,
        *,
        adopt: bool,
        prune: bool,
    ) -> None:
        self._stored = {record.attribute.name: record for record in stored}
        self._declared = {attribute.name: attribute for attribute in declared}
        self._owner = owner
        self.problems: list[str] = []
        self.conflicts: list[str] = []
        forgotten = [
            record for name, record in self._stored.items() if record.managed_by == owner and name not in self._declared
        ]
        self.left_over = [] if prune else [f"attribute {record.attribute.name}" for record in forgotten]
        pruned = forgotten if prune else []
        self.changes = [AttributeChange(Kind.DELETE, before=record) for record in pruned]
        self.changes += filter(None, (self._change(attribute, adopt=adopt) for attribute in self._declared.values()))
        gone = {record.attribute.name for record in pruned}
        kept = {name: record.attribute for name, record in self._stored.items() if name not in gone}
        self.afterwards = tuple((kept | self._declared).values())

    def check(self, scopes: Mapping[str, RegisteredScope]) -> None:
        """Note what is wrong with the declared ones, and with all together, once these scopes are registered."""
        for attribute in self._declared.values():
            self.problems += (f"attribute {attribute.name}: {text}" for text in attribute_problems(attribute, scopes))
        self.problems += (f"attributes: {text}" for text in attribute_set_problems(self.afterwards))

    def _change(self, attribute: UserAttribute, *, adopt: bool) -> AttributeChange | None:
        record = self._stored.get(attribute.name)
        after = {"type": attribute.type, "claim": attribute.claim, "scope": attribute.scope, "managed_by": self._owner}
        before: dict[str, object] = {}
        if record is not None:
            old = record.attribute
            before = {"type": old.type, "claim": old.claim, "scope": old.scope, "managed_by": record.managed_by}
            if record.managed_by != self._owner and not adopt:
                owned = owned_by(record.managed_by)
                self.conflicts.append(f"attribute {attribute.name} is {owned}; --adopt takes it over")
            if old.type != attribute.type:
                self.problems.append(
                    f"attribute {attribute.name}: type: users may have values of type {old.type}; declare another "
                    "attribute, or delete this one with its values first"
                )
        fields = changed_fields(before, after)
        if record is None:
            return AttributeChange(Kind.CREATE, fields, after=attribute)
        return AttributeChange(Kind.UPDATE, fields, record, attribute) if fields else None
