"""Users from another system: a batch is looked up with one statement and written with two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import to_json

# A plan that was made for the first batches, when there were few users, would read the whole table for every other one.
_PLAN_ANEW = Statement("users.plan_import_anew", "SET LOCAL plan_cache_mode = force_custom_plan")
_FIND = Statement(
    "users.find_before_import",
    """
    WITH asked AS (
        SELECT unnest($1::uuid[]) AS subject
        UNION SELECT n.subject FROM login_names AS n WHERE n.name_key = ANY ($2::text[])
    )
    SELECT subject, username,
        ARRAY(SELECT n.name_key FROM login_names AS n WHERE n.subject = users.subject) AS name_keys
    FROM asked JOIN users USING (subject)
    """,
)
# The second are clients from before migration 0003.
_FIND_CLIENTS = Statement(
    "users.find_clients_before_import",
    """
    SELECT client_id AS name FROM clients WHERE client_id = ANY ($1::text[])
    UNION SELECT subject_key(client_id)::uuid::text FROM clients
    WHERE subject_key(client_id) IS NOT NULL
        AND subject_key(client_id) IN (SELECT subject_key(asked) FROM unnest($1::text[]) AS asked)
    """,
)
# As `users.create` for one: who comes back with the subject of an ended user begins where that one ended.
_INSERT = Statement(
    "users.import",
    """
    WITH asked AS (
        SELECT subject, username, email, email_verified, claims, password_hash, enabled, sub
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::boolean[], $8::text[]
        ) AS t (subject, username, email, email_verified, claims, password_hash, enabled, sub)
    ), created AS (
        INSERT INTO users (
            subject, username, email, email_verified, claims, password_hash, enabled, valid_since, created_at,
            updated_at, sub, epoch
        )
        SELECT subject, username, email, email_verified, claims::jsonb, password_hash, enabled, $9, $9, $9, sub,
            COALESCE((
                SELECT r.epoch FROM revocations AS r WHERE r.kind = 'subject' AND r.target = asked.subject::text
            ), 0)
        FROM asked
    )
    INSERT INTO login_names (name_key, subject)
    SELECT name_key, subject FROM unnest($10::text[], $11::uuid[]) AS t (name_key, subject)
    """,
)
_ADD_MEMBERS = Statement(
    "users.import_members",
    """
    INSERT INTO group_members (subject, group_name)
    SELECT subject, group_name FROM unnest($1::uuid[], $2::text[]) AS t (subject, group_name) ON CONFLICT DO NOTHING
    """,
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user who is to be written, with the names to sign in with in their one spelling.

    ``has_given_subject`` where the subject is that of another system.
    """

    user: User
    name_keys: Collection[str]
    password_hash: str = field(repr=False)
    groups: Collection[str] = ()
    has_given_subject: bool = False


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user who is there already."""

    subject: UUID
    username: str
    name_keys: frozenset[str]


class UserImport:
    """Finds and writes users by the batch, in a transaction for each."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def begin(self) -> None:
        """Come first in the transaction."""
        await self._database.execute(_PLAN_ANEW)

    async def find(self, subjects: Collection[UUID], name_keys: Collection[str]) -> list[FoundUser]:
        """The users with one of these subjects, or with one of these names."""
        rows = await self._database.fetch(_FIND, sorted(subjects), sorted(name_keys))
        return [FoundUser(row["subject"], row["username"], frozenset(row["name_keys"])) for row in rows]

    async def client_names(self, subs: Collection[str]) -> frozenset[str]:
        """Those of these subjects that tokens of a client have."""
        return frozenset(row["name"] for row in await self._database.fetch(_FIND_CLIENTS, sorted(subs)))

    async def write(self, users: Sequence[NewUser], now: datetime) -> None:
        """Write them all. Raises ``Conflict`` where a name, a subject or a group has come or gone meanwhile."""
        names = [(key, new.user.subject) for new in users for key in new.name_keys]
        members = [(new.user.subject, group) for new in users for group in new.groups]
        try:
            await self._database.execute(
                _INSERT,
                [new.user.subject for new in users],
                [new.user.username for new in users],
                [new.user.email for new in users],
                [new.user.email_verified for new in users],
                [to_json(new.user.claims) for new in users],
                [new.password_hash for new in users],
                [new.user.enabled for new in users],
                [new.user.given_sub for new in users],
                now,
                [key for key, _ in names],
                [subject for _, subject in names],
            )
            if members:
                await self._database.execute(
                    _ADD_MEMBERS, [subject for subject, _ in members], [group for _, group in members]
                )
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            raise Conflict("Another operator made or deleted one of these users or groups meanwhile.") from error
