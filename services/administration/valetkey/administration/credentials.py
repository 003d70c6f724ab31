"""What users sign in with beside their password, for operators: they see and remove it, and never what is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.errors import NotFound
from valetkey.core.authentication.factor import Method
from valetkey.storage.postgres.tables.credentials import Credentials, CredentialSummary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from valetkey.administration.installation import Installation
    from valetkey.core.authentication.user import User

REMOVABLE = tuple(method for method in Method if method is not Method.PASSWORD)


async def list_credentials(installation: Installation, user: User) -> Sequence[CredentialSummary]:
    """All of a user, the oldest first; recovery codes one by one."""
    return await Credentials(installation.database).list(user.subject)


async def remove_credential(installation: Installation, user: User, credential_id: UUID) -> None:
    """Remove one. Sessions go on. Raises ``NotFound``."""
    with installation.audited("user.credential_removed", subject=user.sub):
        if await Credentials(installation.database).remove(user.subject, credential_id) is None:
            raise NotFound("credential", credential_id)


async def remove_credentials(installation: Installation, user: User, methods: Sequence[Method]) -> int:
    """Remove all of these methods; how many there were. Sessions go on."""
    with installation.audited("user.credential_removed", subject=user.sub):
        return await Credentials(installation.database).remove_all(user.subject, methods)
