"""What links in mails do to a user's e-mail address: confirm it, put another in its place, bring it back.

Each is one transaction that locks the user, uses the link up, and enqueues the mails that tell of it: all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.account_tokens import use_link
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.user_lifecycle import end_user
from valetkey.storage.postgres.tables.users import login_name_key

MOST_REVERTS = 5
"""How many changes can be undone at a time. There is no further change until one of them no longer can: none makes
room, or an attacker would change the address until its owner could not bring it back."""

_VERIFY = Statement(
    "email_changes.verify",
    """
    UPDATE users SET email_verified = TRUE, updated_at = greatest(updated_at, $3)
    WHERE subject = $1 AND email = $2 RETURNING subject
    """,
)
_HAS_ROOM = Statement(
    "email_changes.has_room",
    """
    SELECT count(*) < $3::integer AS has_room FROM account_tokens AS t JOIN users AS u ON u.subject = t.subject
    WHERE t.subject = $1 AND t.purpose = 'email_revert' AND t.expires_at > $2 AND t.email_epoch > u.email_floor
    """,
)
# The number of the change is what its link to undo it has. The address of before is a name to sign in with no longer,
# unless it is the user name too.
_CHANGE = Statement(
    "email_changes.change",
    """
    UPDATE users SET email = $2, email_verified = TRUE, email_epoch = email_epoch + 1,
        updated_at = greatest(updated_at, $3)
    WHERE subject = $1
    RETURNING username
    """,
)
_DROP_NAMES = Statement(
    "email_changes.drop_names", "DELETE FROM login_names WHERE subject = $1 AND name_key <> ALL ($2::text[])"
)
_ADD_NAMES = Statement(
    "email_changes.add_names",
    """
    INSERT INTO login_names (name_key, subject)
    SELECT name_key, $1::uuid FROM unnest($2::text[]) AS asked (name_key)
    WHERE NOT EXISTS (SELECT FROM login_names AS n WHERE n.name_key = asked.name_key AND n.subject = $1)
    """,
)
# A link to undo a change of before stays good: an attacker who has changed the address once may do so again.
_DROP_TOKENS = Statement(
    "email_changes.drop_tokens",
    """
    DELETE FROM account_tokens
    WHERE subject = $1 AND (purpose <> 'email_revert' OR ($2::bigint IS NOT NULL AND email_epoch >= $2))
    """,
)
_PUT_REVERT = Statement(
    "email_changes.put_revert",
    """
    INSERT INTO account_tokens (
        digest, purpose, subject, user_epoch, installation_epoch, created_at, expires_at, email, email_epoch
    )
    SELECT $2::bytea, 'email_revert', u.subject, u.epoch, i.epoch, $3::timestamptz, $4::timestamptz, $5::text,
        u.email_epoch
    FROM users AS u, installation AS i WHERE u.subject = $1 AND i.id = 1
    """,
)
_END = Statement(
    "email_changes.end",
    """
    UPDATE users SET epoch = epoch + 1, valid_since = greatest(valid_since + interval '1 microsecond', $2)
    WHERE subject = $1 RETURNING subject, epoch, valid_since
    """,
)


@dataclass(frozen=True, slots=True)
class Revert:
    """The link that undoes a change: what is stored of it, and until when it is good."""

    digest: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ChangedEmail:
    """What has become of an address. ``former`` is None where there was none, ``revocations`` are to be published."""

    subject: UUID
    email: str
    former: str | None
    revocations: Sequence[Revocation] = ()


class TooManyChanges(Exception):
    """As many changes as can be undone at a time have been made."""


class EmailChanges:
    """Each uses up a link, for exactly one caller; None for one that counts no longer.

    Raises ``TemporarilyUnavailable`` where what is to be told cannot be enqueued: nothing has changed then.
    """

    def __init__(self, database: Database, outbox: MailOutbox) -> None:
        self._database = database
        self._outbox = outbox

    async def has_room(self, subject: UUID, now: datetime) -> bool:
        """Whether the address may be changed once more."""
        return await _has_room(self._database, subject, now)

    async def verify(self, digest: bytes, now: datetime) -> ChangedEmail | None:
        """Note that the user reads the mail of the address that the link was made for."""
        async with self._database.transaction("email_changes.verify") as transaction:
            link = await use_link(transaction, digest, TokenPurpose.EMAIL_VERIFICATION, now)
            if link is None or not await transaction.fetch_row(_VERIFY, link["subject"], link["email"], now):
                return None
            return ChangedEmail(link["subject"], link["email"], link["former"])

    async def change(
        self, digest: bytes, now: datetime, revert: Revert, tell: Callable[[UUID, str], Mail | None]
    ) -> ChangedEmail | None:
        """Put the confirmed address in the place of the former one, and tell that one, where it was confirmed too.

        Every other link of the user ends but those that undo changes. ``tell`` makes the mail, with the link of
        ``revert``. Raises ``Conflict`` where the address belongs to another user by now, ``TooManyChanges``.
        """
        async with self._database.transaction("email_changes.change") as transaction:
            link = await use_link(transaction, digest, TokenPurpose.EMAIL_CHANGE, now)
            if link is None or link["managed_by"] is not None:
                return None
            subject, former = link["subject"], link["former"]
            if not await _has_room(transaction, subject, now):
                raise TooManyChanges
            await _put_address(transaction, subject, link["email"], now)
            await transaction.execute(_DROP_TOKENS, subject, None)
            if former is not None and link["was_verified"]:
                await transaction.execute(_PUT_REVERT, subject, revert.digest, now, revert.expires_at, former)
                await self._tell(transaction, tell(subject, former))
            return ChangedEmail(subject, link["email"], former)

    async def revert(
        self,
        digest: bytes,
        now: datetime,
        tell: Callable[[UUID, str], Mail | None],
        tell_replaced: Callable[[UUID, str], Mail | None],
    ) -> ChangedEmail | None:
        """Bring the earlier address back, and end every session, grant and link of the user.

        ``tell`` makes the mail to it, ``tell_replaced`` the one to the address that it replaces. Links that undo
        changes of before this one stay. Raises ``Conflict`` where the address belongs to another user.
        """
        async with self._database.transaction("email_changes.revert") as transaction:
            link = await use_link(transaction, digest, TokenPurpose.EMAIL_REVERT, now)
            if link is None:
                return None
            subject, email, former = link["subject"], link["email"], link["former"]
            await _put_address(transaction, subject, email, now)
            await transaction.execute(_DROP_TOKENS, subject, link["email_epoch"])
            ended = await end_user(transaction, await transaction.fetch_row(_END, subject, now), now)
            await self._tell(transaction, tell(subject, email))
            if former is not None and former != email:
                await self._tell(transaction, tell_replaced(subject, former))
            return ChangedEmail(subject, email, former, ended or ())

    async def _tell(self, transaction: Executor, mail: Mail | None) -> None:
        if mail is not None and await self._outbox.put(mail, transaction) is not Enqueued.QUEUED:
            raise TemporarilyUnavailable("there is no room for the mail that tells of a changed address")


async def _has_room(executor: Executor, subject: UUID, now: datetime) -> bool:
    row = await executor.fetch_row(_HAS_ROOM, subject, now, MOST_REVERTS)
    return row is not None and bool(row["has_room"])


async def _put_address(transaction: Executor, subject: UUID, email: str, now: datetime) -> None:
    row = await transaction.fetch_row(_CHANGE, subject, email, now)
    if row is None:
        return
    keys = sorted({login_name_key(row["username"]), login_name_key(email)})
    await transaction.execute(_DROP_NAMES, subject, keys)
    try:
        await transaction.execute(_ADD_NAMES, subject, keys)
    except asyncpg.UniqueViolationError as error:
        raise Conflict("The e-mail address belongs to another user.") from error
