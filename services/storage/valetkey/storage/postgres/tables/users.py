"""Users, and the names under which they sign in. What ends with a user is in ``user_lifecycle``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from valetkey.core.authentication.user import User, normalize_login_name
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import to_json, user_from

_FIND_BY_LOGIN_NAME = Statement(
    "users.find_by_login_name",
    """
    SELECT subject, username, email, email_verified, claims AS user_claims, enabled AS user_enabled, valid_since,
        updated_at AS user_updated_at, users.epoch AS user_epoch, i.epoch AS installation_epoch,
        groups_of(subject) AS user_groups, sub, password_hash
    FROM login_names JOIN users USING (subject) JOIN installation AS i ON i.id = 1 WHERE name_key = $1
    """,
)
_FIND_BY_SUBJECT = Statement(
    "users.find_by_subject",
    """
    SELECT subject, username, email, email_verified, claims AS user_claims, enabled AS user_enabled, valid_since,
        updated_at AS user_updated_at, users.epoch AS user_epoch, i.epoch AS installation_epoch,
        groups_of(subject) AS user_groups, sub
    FROM users JOIN installation AS i ON i.id = 1 WHERE subject = ANY ($1::uuid[])
    """,
)
_LISTED = """
    SELECT subject, username, email, email_verified, claims AS user_claims, enabled AS user_enabled, valid_since,
        updated_at AS user_updated_at, users.epoch AS user_epoch, i.epoch AS installation_epoch,
        groups_of(subject) AS user_groups, sub
"""
# A page comes from one index, wherever it begins. No two users have the same user name.
_BY_NAME = f"""
    {_LISTED} FROM users JOIN installation AS i ON i.id = 1
    WHERE username COLLATE "C" > $1 %s ORDER BY username COLLATE "C" LIMIT $2
"""
# Each at the first of its names that begins so; $4 is the first text that comes after all of these.
_BY_PREFIX = f"""
    {_LISTED} FROM login_names AS n JOIN users USING (subject) JOIN installation AS i ON i.id = 1
    WHERE n.name_key COLLATE "C" >= $3 AND n.name_key COLLATE "C" < $4 AND n.name_key COLLATE "C" > $1
        AND NOT EXISTS (
            SELECT FROM login_names AS former
            WHERE former.subject = n.subject AND former.name_key COLLATE "C" >= $3
                AND former.name_key COLLATE "C" < n.name_key COLLATE "C"
        ) %s
    ORDER BY n.name_key COLLATE "C" LIMIT $2
"""
# Words, not parameters: there is an index of those who are disabled.
_STATES = {None: "", True: "AND enabled", False: "AND NOT enabled"}
_IN_GROUPS = "AND EXISTS (SELECT FROM group_members AS m WHERE m.subject = users.subject AND m.group_name = ANY (${}))"
# By whether a prefix is asked for, whether groups are, and the state.
_LISTS = {
    (by_prefix, by_groups, state): Statement(
        "users.list_by_prefix" if by_prefix else "users.list",
        text % f"{words} {_IN_GROUPS.format(group) if by_groups else ''}",
    )
    for by_prefix, text, group in ((False, _BY_NAME, 3), (True, _BY_PREFIX, 5))
    for by_groups in (False, True)
    for state, words in _STATES.items()
}
# Those of these names, and those of this owner.
_LIST_RECORDS = Statement(
    "users.list_records",
    """
    SELECT subject, username, email, email_verified, claims AS user_claims, enabled AS user_enabled, valid_since,
        updated_at AS user_updated_at, users.epoch AS user_epoch, i.epoch AS installation_epoch,
        groups_of(subject) AS user_groups, sub, managed_by,
        ARRAY(SELECT name_key FROM login_names AS n WHERE n.subject = users.subject ORDER BY name_key) AS name_keys
    FROM users JOIN installation AS i ON i.id = 1
    WHERE managed_by = $2 OR subject IN (SELECT n.subject FROM login_names AS n WHERE n.name_key = ANY ($1::text[]))
    ORDER BY username, subject
    """,
)
_SET_OWNER = Statement("users.set_owner", "UPDATE users SET managed_by = $2 WHERE subject = $1")
# A user who comes back with the subject that an ended one had begins where that one ended.
_CREATE = Statement(
    "users.create",
    """
    WITH created AS (
        INSERT INTO users (
            subject, username, email, email_verified, claims, password_hash, enabled, valid_since, created_at,
            updated_at, managed_by, sub, epoch
        ) VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $11, $12,
            COALESCE((SELECT epoch FROM revocations WHERE kind = 'subject' AND target = $1::uuid::text), 0)
        ) RETURNING subject
    )
    INSERT INTO login_names (name_key, subject) SELECT name_key, created.subject
    FROM created, unnest($10::text[]) AS name_key
    """,
)
# Attributes are taken away and set one by one, so that two operators who change different ones lose nothing.
_UPDATE = Statement(
    "users.update",
    """
    WITH updated AS (
        UPDATE users SET username = $8, email = $2, email_verified = $3,
            claims = (claims - $4::text[]) || $5::jsonb, updated_at = greatest(updated_at, $6)
        WHERE subject = $1 RETURNING subject
    ), former AS (
        DELETE FROM login_names WHERE subject = $1 AND name_key <> ALL ($7::text[])
    ), named AS (
        INSERT INTO login_names (name_key, subject)
        SELECT asked.name_key, updated.subject FROM updated, unnest($7::text[]) AS asked (name_key)
        WHERE NOT EXISTS (SELECT FROM login_names AS n WHERE n.name_key = asked.name_key AND n.subject = $1)
    )
    SELECT subject FROM updated
    """,
)
_REHASH_PASSWORD = Statement(
    "users.rehash_password", "UPDATE users SET password_hash = $3 WHERE subject = $1 AND password_hash = $2"
)

# Of migration 0003, and of 0008.
_SUBJECT_CONSTRAINTS = ("users_called_like_clients", "token_subjects_pkey")
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as an applied file meets one: ``name_keys`` are the names to sign in with, in their one spelling."""

    user: User
    managed_by: str | None
    name_keys: tuple[str, ...] = ()


class Users:
    """See ``valetkey.core.ports.UserFinder``."""

    def __init__(self, database: Executor) -> None:
        self._database = database
        self._finds: Batches[UUID, User | None] = Batches(self._find)

    async def find_by_login_name(self, name: str) -> tuple[User, str | None] | None:
        """The user, enabled or not, whose normalized user name or e-mail this is, with the hash of the password if any.

        Every spelling that ``normalize_login_name`` takes for the same name finds the same user.
        """
        key = normalize_login_name(name)
        if key is None:
            return None
        row = await self._database.fetch_row(_FIND_BY_LOGIN_NAME, key)
        return None if row is None else (user_from(row), row["password_hash"])

    async def find_by_subject(self, subject: UUID) -> User | None:
        """The user, enabled or not."""
        return await self._finds.ask(subject)

    async def list_records(self, names: Collection[str], owner: str) -> list[UserRecord]:
        """The users of these names, in whichever spelling, and those of this owner."""
        keys = {key for name in names if (key := normalize_login_name(name)) is not None}
        rows = await self._database.fetch(_LIST_RECORDS, sorted(keys), owner)
        return [UserRecord(user_from(row), row["managed_by"], tuple(row["name_keys"])) for row in rows]

    async def set_owner(self, subject: UUID, managed_by: str) -> None:
        """Note in whose name the user was applied."""
        await self._database.execute(_SET_OWNER, subject, managed_by)

    async def list(
        self,
        most: int | None = None,
        *,
        after: str = "",
        prefix: str = "",
        groups: Collection[str] | None = None,
        enabled: bool | None = None,
    ) -> list[User]:
        """Users by user name, in the order of code points: at most so many, beginning behind the user name ``after``.

        ``prefix`` is how the user name or the e-mail address begins, in whichever spelling; then users come by the
        first of the two that begins so, and ``after`` is such a name: see ``listed_name``. ``groups``: only those who
        are in one of these directly. ``enabled``: only those who are, or only those who are not.
        """
        about: list[object] = []
        if prefix:
            key = normalize_login_name(prefix)
            if key is None:
                return []
            about += [key, key + _LAST_CHARACTER]
        if groups is not None:
            about.append(sorted(groups))
        statement = _LISTS[bool(prefix), groups is not None, enabled]
        return [user_from(row) for row in await self._database.fetch(statement, after, most, *about)]

    async def create(self, user: User, password_hash: str | None, managed_by: str | None = None) -> None:
        """Add a user, made at ``updated_at``, with an argon2id hash, or without a password.

        Raises ``Conflict`` where a name is taken or the subject is a client's name, ``ValueError`` for what is no name.
        """
        keys = {login_name_key(name) for name in (user.username, user.email) if name is not None}
        try:
            await self._database.execute(
                _CREATE,
                user.subject,
                user.username,
                user.email,
                user.email_verified,
                to_json(user.claims),
                password_hash,
                user.enabled,
                user.valid_since,
                user.updated_at,
                sorted(keys),
                managed_by,
                user.given_sub,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name in _SUBJECT_CONSTRAINTS:
                raise Conflict(f"The subject {user.sub} is the client_id of a client; give another.") from error
            raise Conflict(f"The user name or e-mail address of {user.username} is taken.") from error

    async def update(self, user: User, now: datetime, removed: Collection[str], claims: Mapping[str, object]) -> bool:
        """Store the names of ``user`` and whether the address is verified; remove and set attributes. Ends nothing.

        False if there is no such user any more. Raises as ``create`` does.
        """
        keys = {login_name_key(name) for name in (user.username, user.email) if name is not None}
        try:
            row = await self._database.fetch_row(
                _UPDATE,
                user.subject,
                user.email,
                user.email_verified,
                sorted(removed),
                to_json(claims),
                now,
                sorted(keys),
                user.username,
            )
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"The user name or e-mail address of {user.username} is taken.") from error
        return row is not None

    async def rehash_password(self, subject: UUID, old_hash: str, new_hash: str) -> None:
        """Keep the same password under another hash, unless the password was changed meanwhile. Ends nothing."""
        await self._database.execute(_REHASH_PASSWORD, subject, old_hash, new_hash)

    async def _find(self, subjects: Sequence[UUID]) -> Sequence[User | None]:
        rows = await self._database.fetch(_FIND_BY_SUBJECT, list(set(subjects)))
        found = {row["subject"]: user_from(row) for row in rows}
        return [found.get(subject) for subject in subjects]


def login_name_key(name: str) -> str:
    """The one spelling of a name to sign in with. Raises ``ValueError`` for what is none."""
    key = normalize_login_name(name)
    # A name whose one spelling is not its own could be stored and never be found.
    if key is None or normalize_login_name(key) != key:
        raise ValueError(f"{name!r} cannot be a user name or e-mail address")
    return key
