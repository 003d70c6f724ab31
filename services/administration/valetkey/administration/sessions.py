"""Sessions of browsers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.storage.postgres.tables.sessions import Sessions, SessionSummary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from valetkey.administration.installation import Installation, Publish

__all__ = ["SessionSummary", "end_sessions", "list_sessions"]


async def list_sessions(installation: Installation, subject: UUID | None = None) -> list[SessionSummary]:
    """Live sessions, of one user where ``subject`` is given, the oldest first."""
    return list(await _sessions(installation, _publish_nothing).list(installation.clock(), subject))


async def end_sessions(installation: Installation, sessions: Iterable[SessionSummary]) -> None:
    """End sessions, and every grant bound to them. Offline access goes on."""
    async with installation.revoking() as publish:
        stored = _sessions(installation, publish)
        for session in sessions:
            about = {"session_id": str(session.session_id), "subject": str(session.subject)}
            with installation.audited("session.revoked", **about):
                await stored.end(session.session_id, installation.clock())


async def _publish_nothing(_revocations: object) -> None:
    """Listing ends nothing."""


def _sessions(installation: Installation, publish: Publish) -> Sessions:
    settings = installation.settings
    return Sessions(
        installation.database,
        publish,
        idle_lifetime=timedelta(seconds=settings.session_idle_lifetime),
        lifetime=timedelta(seconds=settings.session_lifetime),
        most=settings.sessions_per_user,
    )
