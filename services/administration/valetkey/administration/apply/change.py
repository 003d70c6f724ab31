"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from valetkey.administration.apply.declaration import DeclaredClient
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.storage.postgres.tables.clients import ClientRecord


class Kind(StrEnum):
    """What happens to a client or scope."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after. Of a secret only where it comes from."""

    name: str
    before: object
    after: object


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
class Plan:
    """The changes, in the order of the file; how many things are right already; and what forbids going on.

    ``conflicts`` are about whose something is, ``problems`` about everything else. ``left_over`` are clients of this
    owner that the file no longer has and that are not to be pruned.
    """

    clients: tuple[ClientChange, ...] = ()
    scopes: tuple[ScopeChange, ...] = ()
    unchanged: int = 0
    problems: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[ClientChange | ScopeChange, ...]:
        """All of them."""
        return self.clients + self.scopes
