"""The live sessions as operators, and users on the account page, see them: page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from valetkey.storage.postgres.database.statement import Executor, Statement

# What operators see of the sessions that are in force at $1.
_SUMMARIES = """
    SELECT s.session_id, s.subject, u.username, s.auth_time, s.amr, s.created_at, s.used_at, s.idle_expires_at,
        s.expires_at, s.device, s.address
    FROM sessions AS s JOIN users AS u ON u.subject = s.subject JOIN installation AS i ON i.id = 1
    WHERE s.idle_expires_at > $1 AND s.expires_at > $1 AND u.enabled
        AND CASE WHEN s.user_epoch IS NULL THEN u.valid_since <= s.auth_time
            ELSE s.user_epoch = u.epoch AND s.installation_epoch = i.epoch END
    """
# A page comes from one index, wherever it begins.
_PAGE = "AND (s.created_at, s.session_id) > ($3, $4) ORDER BY s.created_at, s.session_id LIMIT $2"
_LIST = Statement("sessions.list", f"{_SUMMARIES} {_PAGE}")
# A user has at most so many sessions as settings allow.
_LIST_OF_USER = Statement("sessions.list_of_user", f"{_SUMMARIES} AND s.subject = $5 {_PAGE}")
# Those behind a grant that the client may use at $1. With a join, the planner could not tell how many there are.
_OF_CLIENT = """
    AND (SELECT enabled FROM clients WHERE uid = {0})
    AND EXISTS (
        SELECT FROM authorizations AS a
        WHERE a.session_id = s.session_id AND a.client_uid = {0} AND a.revoked_at IS NULL AND a.expires_at > $1
            AND a.idle_expires_at > $1
            AND (a.client_epoch IS NULL OR a.client_epoch = (SELECT epoch FROM clients WHERE uid = {0}))
    )
"""
_LIST_OF_CLIENT = Statement("sessions.list_of_client", f"{_SUMMARIES} {_OF_CLIENT.format('$5')} {_PAGE}")
_LIST_OF_USER_AND_CLIENT = Statement(
    "sessions.list_of_user_and_client", f"{_SUMMARIES} AND s.subject = $5 {_OF_CLIENT.format('$6')} {_PAGE}"
)
_FIND_SUMMARY = Statement("sessions.find_summary", f"{_SUMMARIES} AND s.session_id = $2")
_FIND_PLACE = Statement("sessions.find_place", "SELECT created_at, session_id FROM sessions WHERE session_id = $1")


# By whether a user is asked for, and whether a client is.
_LISTS = {
    (False, False): _LIST,
    (True, False): _LIST_OF_USER,
    (False, True): _LIST_OF_CLIENT,
    (True, True): _LIST_OF_USER_AND_CLIENT,
}


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What an operator sees of a live session. Times are UTC."""

    session_id: UUID
    subject: UUID
    username: str
    auth_time: datetime
    amr: tuple[str, ...]
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    device: str | None = None
    address: str | None = None

    @property
    def place(self) -> SessionPlace:
        """Where it stands in the list of all."""
        return SessionPlace(self.created_at, self.session_id)


class SessionPlace(NamedTuple):
    """Where a session stands in the list of all."""

    created_at: datetime
    session_id: UUID


FIRST_PLACE = SessionPlace(datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


async def list_sessions(
    database: Executor,
    now: datetime,
    subject: UUID | None,
    most: int | None,
    after: SessionPlace,
    client_uid: UUID | None,
) -> list[SessionSummary]:
    """See ``Sessions.list``."""
    about = [each for each in (subject, client_uid) if each is not None]
    rows = await database.fetch(_LISTS[subject is not None, client_uid is not None], now, most, *after, *about)
    return [_summary_from(row) for row in rows]


async def find_summary(database: Executor, session_id: UUID, now: datetime) -> SessionSummary | None:
    """See ``Sessions.find_summary``."""
    row = await database.fetch_row(_FIND_SUMMARY, now, session_id)
    return None if row is None else _summary_from(row)


async def find_place(database: Executor, session_id: UUID) -> SessionPlace | None:
    """See ``Sessions.find_place``."""
    row = await database.fetch_row(_FIND_PLACE, session_id)
    return None if row is None else SessionPlace(row["created_at"], row["session_id"])


def _summary_from(row: Record) -> SessionSummary:
    return SessionSummary(
        session_id=row["session_id"],
        subject=row["subject"],
        username=row["username"],
        auth_time=row["auth_time"],
        amr=tuple(row["amr"]),
        created_at=row["created_at"],
        used_at=row["used_at"],
        expires_at=min(row["idle_expires_at"], row["expires_at"]),
        device=row["device"],
        address=row["address"],
    )
