"""What users do with their own account beside signing in: edit what is known of them, and delete it.

A ``user`` is as the session read it: one who has ended since changes nothing, nor does one whom an applied file owns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.rows import to_json
from valetkey.storage.postgres.tables.user_lifecycle import end_user

if TYPE_CHECKING:
    from valetkey.core.authentication.user import User
    from valetkey.core.mail.mail import Mail
    from valetkey.storage.postgres.tables.mail_outbox import MailOutbox

_IS_OWNED = Statement("own_account.is_owned", "SELECT managed_by IS NOT NULL AS is_owned FROM users WHERE subject = $1")
_AS_READ = """
    subject = $1 AND enabled AND epoch = $2 AND managed_by IS NULL
    AND EXISTS (SELECT FROM installation AS i WHERE i.id = 1 AND i.epoch = $3)
"""
_EDIT = Statement(
    "own_account.edit",
    f"""
    UPDATE users SET claims = (claims - $4::text[]) || $5::jsonb, updated_at = greatest(updated_at, $6)
    WHERE {_AS_READ} RETURNING subject
    """,  # noqa: S608 - our own text
)
_END = Statement(
    "own_account.end",
    f"""
    UPDATE users SET epoch = epoch + 1, valid_since = greatest(valid_since + interval '1 microsecond', $4)
    WHERE {_AS_READ} RETURNING subject, epoch, valid_since
    """,  # noqa: S608 - our own text
)
_DELETE = Statement("own_account.delete", "DELETE FROM users WHERE subject = $1")
# One row for each client, of what its tokens rest on now.
_GRANTS = Statement(
    "own_account.grants",
    """
    SELECT c.client_id, c.client_name, count(*) AS number, min(a.created_at) AS since, max(a.rotated_at) AS used_at,
        max(a.expires_at) AS expires_at
    FROM authorizations AS a JOIN clients AS c ON c.uid = a.client_uid JOIN users AS u ON u.subject = a.subject
        JOIN installation AS i ON i.id = 1
    WHERE a.subject = $1 AND a.revoked_at IS NULL AND a.expires_at > $2 AND a.idle_expires_at > $2 AND c.enabled
        AND (a.user_epoch IS NULL OR a.user_epoch = u.epoch)
        AND (a.client_epoch IS NULL OR a.client_epoch = c.epoch)
        AND (a.installation_epoch IS NULL OR a.installation_epoch = i.epoch)
    GROUP BY c.client_id, c.client_name ORDER BY c.client_id
    """,
)
# Deleting a user deletes the grants.
_TIMEOUT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ClientGrants:
    """What a client holds of a user: so many live grants. Times are UTC."""

    client_id: str
    client_name: str
    number: int
    since: datetime
    used_at: datetime
    expires_at: datetime


class OwnAccounts:
    """Accounts, from the side of their users."""

    def __init__(self, database: Database, outbox: MailOutbox) -> None:
        self._database = database
        self._outbox = outbox

    async def is_owned(self, subject: UUID) -> bool:
        """Whether an applied file owns the user, whose next application would undo what the user changes."""
        row = await self._database.fetch_row(_IS_OWNED, subject)
        return row is not None and bool(row["is_owned"])

    async def edit(self, user: User, removed: Collection[str], claims: Mapping[str, object], now: datetime) -> bool:
        """Take attributes away and set others; False, and nothing changes, where that may not be any more."""
        row = await self._database.fetch_row(_EDIT, *_as_read(user), sorted(removed), to_json(claims), now)
        return row is not None

    async def delete(self, user: User, now: datetime, notice: Mail | None) -> Sequence[Revocation] | None:
        """End everything of the user and forget it, mails that wait included, and enqueue a last one.

        Returns what has to be revoked in Redis too; None, and nothing changes, where that may not be any more.
        """
        async with self._database.transaction("own_account.delete", _TIMEOUT) as transaction:
            revocations = await end_user(transaction, await transaction.fetch_row(_END, *_as_read(user), now), now)
            if revocations is None:
                return None
            await transaction.execute(_DELETE, user.subject)
            if notice is not None:
                await self._outbox.put(notice, transaction)
            return revocations

    async def grants(self, subject: UUID, now: datetime) -> Sequence[ClientGrants]:
        """What clients hold, by client."""
        return [
            ClientGrants(
                client_id=row["client_id"],
                client_name=row["client_name"],
                number=row["number"],
                since=row["since"],
                used_at=row["used_at"],
                expires_at=row["expires_at"],
            )
            for row in await self._database.fetch(_GRANTS, subject, now)
        ]


def _as_read(user: User) -> tuple[UUID, int, int]:
    return user.subject, user.epoch, user.installation_epoch
