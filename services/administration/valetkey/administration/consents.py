"""What users have agreed to, and taking it back for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.storage.postgres.tables.consents import Consents, ConsentSummary

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.administration.installation import Installation
    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client

__all__ = ["ConsentSummary", "Withdrawal", "list_consents", "withdraw_consent"]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Whether there was a consent, and how many grants have ended with it."""

    was_given: bool
    grants_ended: int


async def list_consents(
    installation: Installation, subject: UUID | None = None, client_uid: UUID | None = None
) -> list[ConsentSummary]:
    """What users have agreed to, by user and client. What was withdrawn is not listed."""
    return list(await Consents(installation.database).list(subject, client_uid))


async def withdraw_consent(installation: Installation, user: User, client: Client) -> Withdrawal:
    """Take back what a user has agreed to for a client, and end every grant of the two. May be repeated."""
    consents = Consents(installation.database)
    was_given = await consents.find(user.subject, client.uid) is not None
    async with installation.revoking() as publish:
        with installation.audited("consent.withdrawn", subject=str(user.subject), client_id=client.client_id):
            ended = await consents.withdraw(user.subject, client.uid, installation.clock())
            await publish(ended)
    return Withdrawal(was_given, len(ended))
