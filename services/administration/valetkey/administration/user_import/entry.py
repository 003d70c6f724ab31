"""What readers of exports hand on: users and groups as another system has them, not checked yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ImportedUser:
    """A user of another system. ``sub`` None makes a new one; ``password_hash`` None leaves no way to sign in."""

    username: str
    sub: str | None = None
    email: str | None = None
    email_verified: bool = False
    enabled: bool = True
    claims: Mapping[str, object] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One user of an export, or why it cannot be read. ``where`` is its place, such as ``line 3``.

    ``left_out`` names what is said of the user there and has no place here.
    """

    where: str
    user: ImportedUser | None = None
    problem: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedGroup:
    """A group of another system, and the group that it is in."""

    name: str
    parent: str | None = None
    description: str | None = None
    left_out: tuple[str, ...] = ()


class ImportSource(Protocol):
    """An export. Each can be read once."""

    def groups(self) -> Iterable[ImportedGroup]:
        """Its groups, the outer ones first; read before its users. Raises ``Refused`` for what is no such export."""

    def entries(self) -> Iterable[Entry]:
        """Its users, one by one, so that any number takes little memory."""
