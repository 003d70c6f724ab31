"""What users have agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.oauth.consent import Consent, KeptConsent


class ConsentStore(Protocol):
    """What users have agreed to."""

    async def find(self, subject: UUID, client_uid: UUID) -> KeptConsent | None:
        """Everything this user has agreed to for this client."""

    async def add(self, subject: UUID, client_uid: UUID, consent: Consent, now: datetime) -> int | None:
        """Remember this beside what was agreed to before. The epoch of the consent; None if user or client is gone."""
