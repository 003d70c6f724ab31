"""What a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from valetkey.administration.apply.declaration import DeclaredClient, DeclaredGroup, DeclaredUser
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.attribute import UserAttribute
from valetkey.storage.postgres.tables.catalog import AttributeRecord
from valetkey.storage.postgres.tables.clients import ClientRecord
from valetkey.storage.postgres.tables.groups import GroupRecord
from valetkey.storage.postgres.tables.users import UserRecord


class Kind(StrEnum):
    """What happens to a thing."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after. Of a secret only where it comes from."""

    name: str
    before: object
    after: object


def changed_fields(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[FieldChange, ...]:
    """The fields that will be another than they are."""
    return tuple(FieldChange(name, before.get(name), after[name]) for name in after if before.get(name) != after[name])


@dataclass(frozen=True, slots=True)
class ClientChange:
    """``secret_digest`` is of a declared secret to be stored; where ``generates_secret``, one has yet to be made."""

    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    before: ClientRecord | None = None
    after: DeclaredClient | None = None
    secret_digest: bytes | None = None
    generates_secret: bool = False

    @property
    def name(self) -> str:
        """The ``client_id``."""
        if self.after is not None:
            return self.after.client.client_id
        return "" if self.before is None else self.before.client.client_id

    @property
    def ends_something(self) -> bool:
        """Whether the client loses what it was given."""
        if self.kind is Kind.DELETE:
            return True
        return (
            any(field.name == "enabled" and field.after is False for field in self.fields) and self.before is not None
        )


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """``cascades`` where it goes with its resource server."""

    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    before: RegisteredScope | None = None
    after: RegisteredScope | None = None
    cascades: bool = False

    @property
    def name(self) -> str:
        """The name of the scope."""
        return (self.after or self.before or RegisteredScope("", "")).name


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group, who is in it, and which groups are in it."""

    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    before: GroupRecord | None = None
    after: DeclaredGroup | None = None

    @property
    def name(self) -> str:
        """The name of the group."""
        if self.after is not None:
            return self.after.group.name
        return "" if self.before is None else self.before.group.name

    def moved(self, name: str) -> tuple[list[str], list[str]]:
        """Who comes in and who leaves, by ``members`` or ``member_groups``."""
        for each in self.fields:
            if each.name == name:
                before, after = cast("list[str] | None", each.before) or [], cast("list[str]", each.after)
                return sorted(set(after) - set(before)), sorted(set(before) - set(after))
        return [], []


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user. ``password`` is the first one, where a file holds it; where ``generates_password``, it is yet to be made.

    It never prints.
    """

    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    before: UserRecord | None = None
    after: DeclaredUser | None = None
    password: str | None = field(default=None, repr=False)
    generates_password: bool = False

    @property
    def name(self) -> str:
        """The user name."""
        if self.after is not None:
            return self.after.username
        return "" if self.before is None else self.before.user.username

    @property
    def ends_something(self) -> bool:
        """Whether the user loses sessions and grants."""
        if self.kind is Kind.DELETE:
            return True
        return self.kind is Kind.UPDATE and any(each.name == "enabled" and each.after is False for each in self.fields)


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """A custom attribute of users. Where it goes, so do the values that users have."""

    kind: Kind
    fields: tuple[FieldChange, ...] = ()
    before: AttributeRecord | None = None
    after: UserAttribute | None = None

    @property
    def name(self) -> str:
        """The name of the attribute."""
        if self.after is not None:
            return self.after.name
        return "" if self.before is None else self.before.attribute.name


Change = ClientChange | ScopeChange | AttributeChange | GroupChange | UserChange


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning deletes of one kind, and how many of that kind the owner has."""

    kind: str
    names: tuple[str, ...]
    owned: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes, in the order of the file; how many things are right already; and what forbids going on.

    ``conflicts`` are about whose something is, ``problems`` about everything else. ``left_over`` are things of
    this owner that the file no longer has and that are not to be pruned. ``excessive`` is what pruning must not delete
    unless it is told to delete everything.
    """

    clients: tuple[ClientChange, ...] = ()
    scopes: tuple[ScopeChange, ...] = ()
    attributes: tuple[AttributeChange, ...] = ()
    groups: tuple[GroupChange, ...] = ()
    users: tuple[UserChange, ...] = ()
    unchanged: int = 0
    problems: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    excessive: tuple[Pruned, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All of them."""
        return (*self.clients, *self.scopes, *self.attributes, *self.groups, *self.users)
