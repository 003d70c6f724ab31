"""Passkeys of users, in the table of credentials. What one is, and what a use may change, ``core`` says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg

from valetkey.core.authentication.passkey import Passkey
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

if TYPE_CHECKING:
    from valetkey.core.authentication.user import User

MOST_PASSKEYS = 20
"""How many one user may have."""
_FIND = Statement(
    "passkeys.find",
    """
    SELECT id, subject, key_id, secret, user_handle, counter, details
    FROM credentials WHERE key_id = $1 AND kind = 'passkey'
    """,
)
_OF_USER = Statement(
    "passkeys.of_user",
    """
    SELECT id, subject, key_id, secret, user_handle, counter, details
    FROM credentials WHERE subject = $1 AND kind = 'passkey' ORDER BY created_at, id
    """,
)
# Enrolments of one user take turns, so that `_ADD` counts what those before have added.
_TAKE_TURNS = Statement("passkeys.take_turns", "SELECT FROM users WHERE subject = $1 FOR NO KEY UPDATE")
# Nothing is added for a user who has ended since the login.
_ADD = Statement(
    "passkeys.add",
    """
    WITH resource_owner AS MATERIALIZED (
        SELECT subject, installation.epoch AS installation_epoch FROM users, installation
        WHERE subject = $1 AND enabled AND users.epoch = $2 AND installation.id = 1 AND installation.epoch = $3
        FOR SHARE OF users
    )
    INSERT INTO credentials (id, subject, kind, name, key_id, secret, user_handle, counter, details,
        installation_epoch, created_at, used_at)
    SELECT $4::uuid, subject, 'passkey', $5::text, $6::bytea, $7::bytea, $8::bytea, $9::bigint, $10::jsonb,
        installation_epoch, $11::timestamptz, $11
    FROM resource_owner
    WHERE (SELECT count(*) FROM credentials WHERE subject = $1 AND kind = 'passkey') < $12 RETURNING id
    """,
)
# As `counts_on` says, whichever replica is asked: of two uses at once with one counter, one counts.
_USE = Statement(
    "passkeys.use",
    """
    UPDATE credentials SET counter = $3, used_at = greatest(used_at, $5),
        details = details || jsonb_build_object('backed_up', $4::boolean)
    WHERE id = $1 AND subject = $2 AND kind = 'passkey'
        AND (details->>'backup_eligible' = 'true' OR counter < $3 OR (counter = 0 AND $3 = 0))
    RETURNING id
    """,
)
_COUNT = Statement(
    "passkeys.count_by_rp_id",
    "SELECT details->>'rp_id' AS rp_id, count(*) AS count FROM credentials WHERE kind = 'passkey' GROUP BY 1",
)


class KeptPasskey(NamedTuple):
    """A passkey, and whose it is. ``rp_id`` is the domain that it was enrolled for."""

    credential_id: UUID
    subject: UUID
    passkey: Passkey
    rp_id: str


class Passkeys:
    """Passkeys of all users. ``user`` is as a login read it: one who has ended since adds nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, credential_id: bytes) -> KeptPasskey | None:
        """The passkey that an authenticator calls this, of any user."""
        row = await self._database.fetch_row(_FIND, credential_id)
        return None if row is None else _kept(row)

    async def of_user(self, subject: UUID) -> Sequence[KeptPasskey]:
        """All of a user, the oldest first."""
        return [_kept(row) for row in await self._database.fetch(_OF_USER, subject)]

    async def add(self, user: User, kept: KeptPasskey, name: str, now: datetime) -> bool:
        """Store a passkey; False where it is known already, the user has ended, or has as many as there may be."""
        passkey = kept.passkey
        details = {
            "backup_eligible": passkey.backup_eligible,
            "backed_up": passkey.backed_up,
            "aaguid": passkey.aaguid,
            "transports": list(passkey.transports),
            "rp_id": kept.rp_id,
        }
        try:
            async with self._database.transaction("passkeys.add") as transaction:
                await transaction.execute(_TAKE_TURNS, user.subject)
                row = await transaction.fetch_row(
                    _ADD,
                    *(user.subject, user.epoch, user.installation_epoch),
                    *(kept.credential_id, name, passkey.credential_id, passkey.public_key, passkey.user_handle),
                    *(passkey.sign_count, json.dumps(details), now, MOST_PASSKEYS),
                )
        except asyncpg.UniqueViolationError:
            return False
        return row is not None

    async def use(self, kept: KeptPasskey, used: Passkey, now: datetime) -> bool:
        """Keep what a use has changed; False where the passkey is gone, or was used meanwhile as far or further."""
        row = await self._database.fetch_row(
            _USE, kept.credential_id, kept.subject, used.sign_count, used.backed_up, now
        )
        return row is not None

    async def count_by_rp_id(self) -> dict[str, int]:
        """How many there are for each domain that passkeys were set up for."""
        return {row["rp_id"]: row["count"] for row in await self._database.fetch(_COUNT)}


def _kept(row: asyncpg.Record) -> KeptPasskey:
    details = json.loads(row["details"])
    passkey = Passkey(
        credential_id=row["key_id"],
        public_key=row["secret"],
        user_handle=row["user_handle"],
        sign_count=row["counter"],
        backup_eligible=details["backup_eligible"],
        backed_up=details["backed_up"],
        aaguid=details["aaguid"],
        transports=tuple(details["transports"]),
    )
    return KeptPasskey(row["id"], row["subject"], passkey, details["rp_id"])
