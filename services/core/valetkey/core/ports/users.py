"""Users, as the login page finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.core.authentication.user import User


class UserFinder(Protocol):
    """Users and their passwords, for the login page."""

    async def find_by_login_name(self, name: str) -> tuple[User, str | None] | None:
        """The user whose normalized user name or e-mail this is, with the hash of the password if there is one."""

    async def find_by_subject(self, subject: UUID) -> User | None:
        """The user, enabled or not."""
