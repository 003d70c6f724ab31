"""What this service needs to know, from memory or in one read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from valetkey.core.ports.keys import KeySetSource

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.core.authentication.user import User


class PublishedJwkSet(KeySetSource, Protocol):
    """The JWK Set exactly as it was published."""

    @property
    def document(self) -> str:
        """The JSON text, from memory; ``TemporarilyUnavailable`` before the first has been loaded."""

    @property
    def etag(self) -> str:
        """The strong entity tag of the document, without quotes. RFC 9110 §8.8.3."""


class SubjectFinder(Protocol):
    """Users, by what a token calls them."""

    async def find_by_subject(self, subject: UUID) -> User | None:
        """The user, enabled or not; ``TemporarilyUnavailable`` if unknowable."""
