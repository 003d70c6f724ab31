"""Sessions of browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.errors import NotFound
from valetkey.storage.postgres.tables.session_list import FIRST_PLACE, SessionPlace, SessionSummary
from valetkey.storage.postgres.tables.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from uuid import UUID

    from valetkey.administration.installation import Installation, Publish

__all__ = ["SessionSummary", "end_sessions", "get_session", "list_sessions"]

_PAGE = 1000


async def list_sessions(
    installation: Installation,
    subject: UUID | None = None,
    *,
    client_uid: UUID | None = None,
    after: UUID | None = None,
    most: int | None = None,
) -> AsyncIterator[list[SessionSummary]]:
    """Pages of live sessions, of one user where ``subject`` is given, the oldest first.

    ``client_uid``: only those in which something was granted to this client that it may still use. At most so many in
    all, beginning behind the session ``after``; raises ``NotFound`` where that is gone. What begins or ends in between
    may show or not.
    """
    sessions, left = _sessions(installation, _publish_nothing), most
    place: SessionPlace | None = FIRST_PLACE
    if after is not None and (place := await sessions.find_place(after)) is None:
        raise NotFound("session", after)
    while place is not None and (left is None or left > 0):
        size = _PAGE if left is None else min(left, _PAGE)
        page = list(await sessions.list(installation.clock(), subject, size, after=place, client_uid=client_uid))
        if page:
            yield page
        place = page[-1].place if len(page) == size else None
        left = None if left is None else left - size


async def get_session(installation: Installation, session_id: UUID) -> SessionSummary:
    """The live session. Raises ``NotFound``."""
    found = await _sessions(installation, _publish_nothing).find_summary(session_id, installation.clock())
    if found is None:
        raise NotFound("session", session_id, "live")
    return found


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
    return Sessions.from_settings(installation.settings, installation.database, publish)
