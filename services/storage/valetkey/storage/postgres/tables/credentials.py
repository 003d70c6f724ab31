"""What people sign in with beside their password. A recovery code is its row: using it deletes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

import asyncpg

from valetkey.core.authentication.acr import Enrolled
from valetkey.core.authentication.factor import Method
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.statement import Executor, Statement

# Recovery codes of before everything ended are spent: a restored backup does not know which of them were used.
_OF_USER = """
    FROM credentials AS c JOIN installation AS i ON i.id = 1
    WHERE c.subject = $1 AND (c.kind <> 'recovery_code' OR c.installation_epoch = i.epoch)
"""
_SUMMARY = "SELECT c.id, c.kind, c.name, c.created_at, c.used_at"
_LIST = Statement("credentials.list", f"{_SUMMARY} {_OF_USER} ORDER BY c.created_at, c.id")
_OF_PASSWORD = "SELECT 'password' AS kind, FALSE AS is_device_bound FROM users WHERE subject = $1"  # noqa: S105
_KINDS = "SELECT c.kind, bool_or(c.details->>'backup_eligible' = 'false') AS is_device_bound"
_ENROLLED = Statement(
    "credentials.enrolled",
    f"{_OF_PASSWORD} AND password_hash IS NOT NULL UNION ALL {_KINDS} {_OF_USER} GROUP BY c.kind",
)
# Nothing is added for a user who has ended since the login.
_OWNER = """
    WITH resource_owner AS MATERIALIZED (
        SELECT subject, installation.epoch AS installation_epoch FROM users, installation
        WHERE subject = $1 AND enabled AND users.epoch = $2 AND installation.id = 1 AND installation.epoch = $3
        FOR SHARE OF users
    )
"""
_INSERT_TOTP = """
    INSERT INTO credentials (id, subject, kind, name, secret, counter, installation_epoch, created_at, used_at)
    SELECT $4::uuid, subject, 'totp', $5::text, $6::bytea, $7::bigint, installation_epoch, $8::timestamptz, $8
    FROM resource_owner RETURNING id
"""
_ADD_TOTP = Statement("credentials.add_totp", f"{_OWNER} {_INSERT_TOTP}")
_REPLACE_CODES = """
    , former AS (
        DELETE FROM credentials WHERE kind = 'recovery_code' AND subject IN (SELECT subject FROM resource_owner)
    )
    INSERT INTO credentials (id, subject, kind, name, secret, installation_epoch, created_at)
    SELECT said.id, subject, 'recovery_code', '', said.digest, installation_epoch, $6::timestamptz
    FROM resource_owner, unnest($4::uuid[], $5::bytea[]) AS said (id, digest) RETURNING id
"""
_REPLACE_RECOVERY_CODES = Statement("credentials.replace_recovery_codes", f"{_OWNER} {_REPLACE_CODES}")
_FIND_TOTP = Statement(
    "credentials.find_totp", "SELECT id, secret FROM credentials WHERE subject = $1 AND kind = 'totp'"
)
# A time step counts once, whichever replica it is typed at.
_USE_TOTP = Statement(
    "credentials.use_totp",
    """
    UPDATE credentials SET counter = $3, used_at = greatest(used_at, $4), secret = COALESCE($5::bytea, secret)
    WHERE id = $1 AND subject = $2 AND kind = 'totp' AND counter < $3 RETURNING id
    """,
)
_USE_RECOVERY_CODE = Statement(
    "credentials.use_recovery_code",
    """
    WITH used AS (
        DELETE FROM credentials AS c USING installation AS i
        WHERE c.subject = $1 AND c.kind = 'recovery_code' AND c.secret = $2 AND i.id = 1
            AND c.installation_epoch = i.epoch
        RETURNING c.id
    )
    SELECT (
        SELECT count(*) FROM credentials AS c JOIN installation AS i ON i.id = 1
        WHERE c.subject = $1 AND c.kind = 'recovery_code' AND c.installation_epoch = i.epoch
    ) - 1 AS left_over FROM used
    """,
)
_REMOVE = Statement(
    "credentials.remove",
    "DELETE FROM credentials WHERE subject = $1 AND id = $2 AND kind <> 'recovery_code' RETURNING kind",
)
_RENAME_PASSKEY = Statement(
    "credentials.rename_passkey",
    "UPDATE credentials SET name = $3 WHERE subject = $1 AND id = $2 AND kind = 'passkey' RETURNING id",
)
_REMOVE_KINDS = Statement(
    "credentials.remove_kinds", "DELETE FROM credentials WHERE subject = $1 AND kind = ANY ($2::text[]) RETURNING kind"
)


@dataclass(frozen=True, slots=True)
class CredentialSummary:
    """A credential without what is secret about it. Times are UTC; ``used_at`` is None where it was never used."""

    credential_id: UUID
    method: Method
    name: str
    created_at: datetime
    used_at: datetime | None


class KeptTotp(NamedTuple):
    """The authenticator app of a user: its secret is sealed."""

    credential_id: UUID
    sealed_secret: bytes


class Credentials:
    """Credentials other than passwords. A ``user`` is as a login read it: one who has ended since adds nothing."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def list(self, subject: UUID) -> Sequence[CredentialSummary]:
        """All of a user, the oldest first; recovery codes one by one."""
        return [
            CredentialSummary(row["id"], Method(row["kind"]), row["name"], row["created_at"], row["used_at"])
            for row in await self._database.fetch(_LIST, subject)
        ]

    async def enrolled(self, subject: UUID) -> Enrolled:
        """By which methods the user can prove who that is, the password included."""
        rows = await self._database.fetch(_ENROLLED, subject)
        return Enrolled(frozenset(Method(row["kind"]) for row in rows), any(row["is_device_bound"] for row in rows))

    async def find_totp(self, subject: UUID) -> KeptTotp | None:
        """The authenticator app of a user, if there is one."""
        row = await self._database.fetch_row(_FIND_TOTP, subject)
        return None if row is None else KeptTotp(row["id"], row["secret"])

    async def add_totp(
        self, user: User, credential_id: UUID, name: str, sealed_secret: bytes, step: int, now: datetime
    ) -> bool:
        """Store an app whose code of ``step`` has been typed; False where the user has one, or has ended."""
        try:
            row = await self._database.fetch_row(
                _ADD_TOTP, *_owner(user), credential_id, name, sealed_secret, step, now
            )
        except asyncpg.UniqueViolationError:
            return False
        return row is not None

    async def use_totp(
        self, subject: UUID, credential_id: UUID, step: int, now: datetime, resealed: bytes | None = None
    ) -> bool:
        """Use up a time step; False where it, or a later one, was used before. ``resealed`` replaces the secret."""
        return await self._database.fetch_row(_USE_TOTP, credential_id, subject, step, now, resealed) is not None

    async def replace_recovery_codes(self, user: User, codes: Sequence[tuple[UUID, bytes]], now: datetime) -> bool:
        """Store digests of new codes, by an id each; those before count no longer. False where the user has ended."""
        ids, digests = zip(*codes, strict=True)
        return bool(await self._database.fetch(_REPLACE_RECOVERY_CODES, *_owner(user), ids, digests, now))

    async def use_recovery_code(self, subject: UUID, digest: bytes) -> int | None:
        """Use up a recovery code: how many are left, None where there is no such code any more."""
        row = await self._database.fetch_row(_USE_RECOVERY_CODE, subject, digest)
        return None if row is None else cast("int", row["left_over"])

    async def rename_passkey(self, subject: UUID, credential_id: UUID, name: str) -> bool:
        """Call a passkey something else; False where this user has none of this id."""
        return await self._database.fetch_row(_RENAME_PASSKEY, subject, credential_id, name) is not None

    async def remove(self, subject: UUID, credential_id: UUID) -> Method | None:
        """Remove one, other than a recovery code; of which method it was, None where there is none of this user."""
        row = await self._database.fetch_row(_REMOVE, subject, credential_id)
        return None if row is None else Method(row["kind"])

    async def remove_all(self, subject: UUID, methods: Collection[Method]) -> int:
        """Remove all of these methods; how many there were."""
        return len(await self._database.fetch(_REMOVE_KINDS, subject, [method.value for method in methods]))


def _owner(user: User) -> tuple[UUID, int, int]:
    return user.subject, user.epoch, user.installation_epoch
