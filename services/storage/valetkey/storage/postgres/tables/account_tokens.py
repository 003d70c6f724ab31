"""Links that stand for a user. A token is its row: using it deletes it.

A token ends with its user, with everything, and with the e-mail address that the user had. One that undoes a change of
the address outlives the first and the last: an attacker who has taken an account over could cause both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.statement import Executor, Statement

# Nothing is stored for a user who has ended, or has another address, since it was asked for. What has expired is swept
# along.
_PUT = Statement(
    "account_tokens.put",
    """
    WITH swept AS (
        DELETE FROM account_tokens WHERE digest IN (
            SELECT digest FROM account_tokens WHERE expires_at <= $6 ORDER BY expires_at LIMIT 10
            FOR UPDATE SKIP LOCKED
        )
    ), resource_owner AS MATERIALIZED (
        SELECT subject, users.epoch AS user_epoch, installation.epoch AS installation_epoch, users.email_epoch
        FROM users, installation
        WHERE subject = $3 AND enabled AND users.epoch = $4 AND installation.id = 1 AND installation.epoch = $5
            AND users.email IS NOT DISTINCT FROM $9::text
        FOR SHARE OF users
    ), crowded_out AS (
        DELETE FROM account_tokens WHERE digest IN (
            SELECT digest FROM account_tokens WHERE subject = $3 AND purpose = $2
            ORDER BY created_at DESC OFFSET $8::integer - 1
        )
    )
    INSERT INTO account_tokens (
        digest, purpose, subject, user_epoch, installation_epoch, created_at, expires_at, email, email_epoch
    )
    SELECT $1::bytea, $2::text, subject, user_epoch, installation_epoch, $6::timestamptz, $7::timestamptz, $10::text,
        email_epoch
    FROM resource_owner RETURNING subject
    """,
)
_COUNTS = """
    t.digest = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.subject = t.subject AND u.enabled
    AND i.id = 1 AND i.epoch = t.installation_epoch
    AND CASE t.purpose WHEN 'email_revert' THEN t.email_epoch > u.email_floor
        ELSE u.epoch = t.user_epoch AND (t.email_epoch IS NULL OR t.email_epoch = u.email_epoch) END
"""
_FOUND = "SELECT t.subject, t.email FROM account_tokens AS t, users AS u, installation AS i WHERE"
_FIND = Statement("account_tokens.find", f"{_FOUND} {_COUNTS}")
_USED = "DELETE FROM account_tokens AS t USING users AS u, installation AS i WHERE"
# The user is locked before the token, so that the user stays what it is while the token is used.
_LOCK_OWNER = Statement("account_tokens.lock_owner", f"{_FOUND} {_COUNTS} FOR NO KEY UPDATE OF u")
_OF_LINK = "t.subject, t.email, t.email_epoch, u.email AS former, u.email_verified AS was_verified, u.managed_by"
_USE = Statement("account_tokens.use", f"{_USED} {_COUNTS} RETURNING {_OF_LINK}")
MOST = 5
"""How many of one purpose a user has: the one made longest ago makes room."""


@dataclass(frozen=True, slots=True)
class AccountLink:
    """Whose link it is, and the address that it is about, if any."""

    subject: UUID
    email: str | None


class AccountTokens:
    """Tokens by their digests."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def put(
        self,
        digest: bytes,
        purpose: TokenPurpose,
        user: User,
        now: datetime,
        expires_at: datetime,
        *,
        email: str | None = None,
    ) -> bool:
        """Store one for this user; False where the user has ended or has another address since ``user`` was read.

        ``email`` is the address that it is about.
        """
        row = await self._database.fetch_row(
            *(_PUT, digest, purpose, user.subject, user.epoch, user.installation_epoch, now, expires_at, MOST),
            *(user.email, email),
        )
        return row is not None

    async def find(self, digest: bytes, purpose: TokenPurpose, now: datetime) -> UUID | None:
        """Whose it is, None for one that counts no longer. Uses nothing up."""
        link = await self.find_link(digest, purpose, now)
        return None if link is None else link.subject

    async def find_link(self, digest: bytes, purpose: TokenPurpose, now: datetime) -> AccountLink | None:
        """The same, with the address that it is about."""
        row = await self._database.fetch_row(_FIND, digest, purpose, now)
        return None if row is None else AccountLink(row["subject"], row["email"])


async def use_link(transaction: Executor, digest: bytes, purpose: TokenPurpose, now: datetime) -> Record | None:
    """Use a token up, for exactly one caller, ever: ``subject``, and ``email`` with what it was before.

    It is used up together with what else the transaction does, or not at all.
    """
    if await transaction.fetch_row(_LOCK_OWNER, digest, purpose, now) is None:
        return None
    return await transaction.fetch_row(_USE, digest, purpose, now)
