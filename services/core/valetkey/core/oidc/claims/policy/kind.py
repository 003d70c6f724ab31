"""What a kind of claim policy is: a source says where a value comes from, a filter changes it, and places say where to.

A new kind is one new file beside this one, and a line in ``rule.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.table import ClaimTable

ID_TOKEN, USERINFO, ACCESS_TOKEN = "id_token", "userinfo", "access_token"


class Place(NamedTuple):
    """Where claims are to be returned; ``audience`` are the resources of an access token."""

    name: str
    audience: tuple[str, ...] = ()


class Origin(NamedTuple):
    """Where values come from. ``opened`` are the claims that the user has agreed to; ``user`` is None for a client."""

    user: User | None
    table: ClaimTable
    opened: frozenset[str]


class Source(Protocol):
    """Where the value of a claim comes from."""

    def claim(self, table: ClaimTable) -> str | None:
        """The claim about the user that it is, None where it is none."""

    def value(self, origin: Origin) -> object:
        """The value, None where there is none or where the user has not agreed."""

    def is_list(self, table: ClaimTable) -> bool:
        """Whether every value is a list of texts."""

    def problems(self, name: str, catalog: Catalog) -> Iterable[str]:
        """Why the claim ``name`` cannot have this value here."""


class Filter(Protocol):
    """Changes a list of texts."""

    def apply(self, values: list[str]) -> list[str]:
        """The list that is returned."""
