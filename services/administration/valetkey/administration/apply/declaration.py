"""What a file asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from valetkey.core.authentication.group import Group
from valetkey.core.authentication.user import User
from valetkey.core.client.client import Client
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.attribute import UserAttribute

DEFAULT_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DeclaredClient:
    """A client as it is to be; its ``uid`` and ``secrets`` mean nothing yet.

    ``secret_file`` holds the secret it is to have; without one, a new client gets a generated secret.
    ``secret_overlap`` is how long the old secret counts beside one that replaces it.
    """

    client: Client
    secret_file: Path | None = None
    secret_overlap: timedelta = DEFAULT_OVERLAP


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """A group as it is to be.

    ``members`` are names of users who are in it directly, ``member_groups`` the groups in it; None leaves them to
    others.
    """

    group: Group
    members: tuple[str, ...] | None = None
    member_groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DeclaredUser:
    """A user as it is to be. ``password_file`` holds the first password; later ones are the user's own affair."""

    username: str
    email: str | None = None
    email_verified: bool = False
    claims: Mapping[str, object] = field(default_factory=dict)
    enabled: bool = True
    password_file: Path | None = None

    def applied_to(self, user: User) -> User:
        """The user with what is declared; it is enabled or disabled by an operation of its own."""
        return replace(user, email=self.email, email_verified=self.email_verified, claims=self.claims)


@dataclass(frozen=True, slots=True)
class DeclaredSecrets:
    """What the files that a declaration names hold: digests of secrets by ``client_id``, passwords by user name."""

    digests: Mapping[str, bytes] = field(default_factory=dict)
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything that a file asks for, in its order."""

    clients: tuple[DeclaredClient, ...] = ()
    scopes: tuple[RegisteredScope, ...] = ()
    attributes: tuple[UserAttribute, ...] = ()
    groups: tuple[DeclaredGroup, ...] = ()
    users: tuple[DeclaredUser, ...] = ()

    @property
    def user_names(self) -> frozenset[str]:
        """Every name of a user in it."""
        members = (name for declared in self.groups for name in declared.members or ())
        emails = (declared.email for declared in self.users if declared.email is not None)
        return frozenset((*members, *emails, *(declared.username for declared in self.users)))
