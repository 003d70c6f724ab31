"""What grants report beside their answer, for metrics and the audit stream."""

from typing import Protocol
from uuid import UUID

from valetkey.core.client.client import Client


class GrantEvents(Protocol):
    """Things worth an operator's attention."""

    def code_replayed(self, authorization_id: UUID, client: Client) -> None:
        """A code was validly presented a second time; its authorization has been revoked."""

    def refresh_token_reused(self, authorization_id: UUID, client: Client) -> None:
        """A rotated refresh token came back after the grace window; its authorization has been revoked."""

    def refresh_token_ahead(self, authorization_id: UUID, client: Client) -> None:
        """A refresh token came that the store has not come to: it forgot. Its authorization has been revoked."""
