"""A user: the resource owner, and the names under which one signs in."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

MAX_LOGIN_NAME_LENGTH = 254  # RFC 5321 §4.5.3.1: no e-mail address is longer.


@dataclass(frozen=True, slots=True)
class User:
    """A resource owner. ``subject`` is never given to another user, whatever happens to the names.

    ``valid_since`` is when the user last ended, for what release 0.1.0 made. ``epoch`` and ``installation_epoch`` were
    read together with the rest; see ``core.epoch``. ``claims`` are further standard claims (OIDC Core §5.1), by name.
    ``groups`` are the names of all groups the user is in, directly or through another group, each once and sorted.
    ``given_sub`` is the ``sub`` of a user who came with one from elsewhere; see ``subject``.
    """

    subject: UUID
    username: str
    email: str | None
    email_verified: bool
    enabled: bool
    valid_since: datetime
    updated_at: datetime
    claims: Mapping[str, object] = field(default_factory=dict)
    epoch: int = 0
    installation_epoch: int = 0
    groups: tuple[str, ...] = ()
    given_sub: str | None = None

    @property
    def sub(self) -> str:
        """What clients call the user. OIDC Core §2."""
        return self.given_sub or str(self.subject)

    @property
    def display_name(self) -> str:
        """What a page calls the user."""
        name = self.claims.get("name")
        return name if isinstance(name, str) and name else self.username


def normalize_login_name(text: str) -> str | None:
    """The one spelling of a user name or e-mail address that is stored, looked up and counted; None where it is none.

    Every spelling that finds the account also counts against the account.
    """
    if len(text) > MAX_LOGIN_NAME_LENGTH:
        return None
    if text.isascii():
        # The same as below, where no character can change but in its case.
        name = text.strip().lower()
        return name if name and name.isprintable() and " " not in name else None
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold()).strip()
    if not name or len(name) > MAX_LOGIN_NAME_LENGTH:
        return None
    if any(unicodedata.category(character).startswith(("C", "Z")) for character in name):
        return None
    return name


def listed_name(user: User, prefix: str) -> str:
    """Where a user is in the list of those whose names begin with ``prefix``: what is ``after`` of the next page."""
    key = normalize_login_name(prefix) if prefix else None
    if key is None:
        return user.username
    names = (normalize_login_name(name) for name in (user.username, user.email) if name is not None)
    return min(name for name in names if name is not None and name.startswith(key))
