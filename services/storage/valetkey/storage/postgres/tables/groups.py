"""Groups, their members, and which group is in which other. What a user is in is read with the user: ``groups_of``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import TypeVar
from uuid import UUID

import asyncpg

from valetkey.core.authentication.group import MAX_GROUPS_OF_USER, Group, crowded_sentence, nesting_problems
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement

T = TypeVar("T", str, UUID)
# In a sentence.
_MOST_NAMES = 5

# Readers go on; changes wait for each other, so that what two of them do together is judged as a whole.
_LOCK = Statement("groups.lock", "LOCK TABLE groups IN SHARE ROW EXCLUSIVE MODE")
_LIST = Statement(
    "groups.list",
    """
    SELECT name, display_name, description, required_acr, managed_by, created_at, updated_at,
        (SELECT count(*) FROM group_members WHERE group_name = name) AS member_count,
        ARRAY(SELECT child FROM group_nesting WHERE parent = name ORDER BY child) AS member_groups
    FROM groups WHERE $1::text[] IS NULL OR name = ANY ($1) ORDER BY name
    """,
)
_LIST_MEMBERS = Statement(
    "groups.list_members",
    """
    SELECT group_name, array_agg(subject ORDER BY username, subject) AS subjects,
        array_agg(username ORDER BY username, subject) AS usernames
    FROM group_members JOIN users USING (subject) WHERE group_name = ANY ($1::text[]) GROUP BY group_name
    """,
)
_CREATE = Statement(
    "groups.create",
    """
    INSERT INTO groups (name, display_name, description, required_acr, managed_by, created_at, updated_at)
    SELECT name, display_name, description, required_acr, $5, $6, $6
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS said (name, display_name, description, required_acr)
    """,
)
_UPDATE = Statement(
    "groups.update",
    """
    UPDATE groups SET display_name = said.display_name, description = said.description,
        required_acr = said.required_acr, managed_by = $5, updated_at = greatest(updated_at, $6)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS said (name, display_name, description, required_acr)
    WHERE groups.name = said.name RETURNING groups.name
    """,
)
_DELETE = Statement("groups.delete", "DELETE FROM groups WHERE name = ANY ($1::text[]) RETURNING name")
_ADD_MEMBERS = Statement(
    "groups.add_members",
    """
    INSERT INTO group_members (group_name, subject) SELECT * FROM unnest($1::text[], $2::uuid[]) ON CONFLICT DO NOTHING
    """,
)
_REMOVE_MEMBERS = Statement(
    "groups.remove_members",
    """
    DELETE FROM group_members AS m USING unnest($1::text[], $2::uuid[]) AS gone (group_name, subject)
    WHERE m.group_name = gone.group_name AND m.subject = gone.subject
    """,
)
_ADD_GROUPS = Statement(
    "groups.add_groups",
    "INSERT INTO group_nesting (parent, child) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
)
_REMOVE_GROUPS = Statement(
    "groups.remove_groups",
    """
    DELETE FROM group_nesting AS n USING unnest($1::text[], $2::text[]) AS gone (parent, child)
    WHERE n.parent = gone.parent AND n.child = gone.child
    """,
)
_LIST_NESTING = Statement("groups.list_nesting", "SELECT child, parent FROM group_nesting ORDER BY child, parent")
# A closure of the nesting, which is small, joined with members, who may be many.
_FIND_CROWDED = Statement(
    "groups.find_crowded",
    """
    WITH RECURSIVE above (child, name) AS (
        SELECT name, name FROM groups
        UNION SELECT above.child, n.parent FROM above JOIN group_nesting AS n ON n.child = above.name
    )
    SELECT username, count(DISTINCT above.name) AS group_count
    FROM group_members AS m JOIN above ON above.child = m.group_name JOIN users USING (subject)
    WHERE $2::uuid[] IS NULL OR m.subject = ANY ($2)
    GROUP BY subject, username HAVING count(DISTINCT above.name) > $1::integer
    ORDER BY count(DISTINCT above.name) DESC, username LIMIT 1
    """,
)


# Those of the named groups in which, directly or through others, there is an enabled user.
_FIND_INHABITED = Statement(
    "groups.find_inhabited",
    """
    WITH RECURSIVE below (parent, name) AS (
        SELECT name, name FROM groups WHERE name = ANY ($1::text[])
        UNION SELECT below.parent, n.child FROM below JOIN group_nesting AS n ON n.parent = below.name
    )
    SELECT DISTINCT below.parent AS name FROM below
    WHERE EXISTS (SELECT FROM group_members JOIN users USING (subject) WHERE group_name = below.name AND enabled)
    """,
)


_FIND_BELOW = Statement(
    "groups.find_below",
    """
    WITH RECURSIVE below (name) AS (
        SELECT name FROM groups WHERE name = $1
        UNION SELECT n.child FROM below JOIN group_nesting AS n ON n.parent = below.name
    )
    SELECT name FROM below ORDER BY name
    """,
)


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group as an operator sees it.

    ``managed_by`` is the owner in whose name it was applied, ``member_count`` how many users are in it directly, and
    ``member_groups`` the groups whose members are in it too. Times are UTC.
    """

    group: Group
    managed_by: str | None
    member_count: int
    member_groups: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A user who is in a group directly."""

    subject: UUID
    username: str


class Groups:
    """Groups as they are now. A change is made in a transaction: ``lock``, then the change, then ``problems``."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def lock(self) -> None:
        """Wait until no other transaction changes groups, and keep others from it until this one ends."""
        await self._database.execute(_LOCK)

    async def list(self, names: Collection[str] | None = None) -> list[GroupRecord]:
        """Every group by name, or those of these names."""
        rows = await self._database.fetch(_LIST, None if names is None else sorted(names))
        return [
            GroupRecord(
                group=Group(row["name"], row["display_name"], row["description"], row["required_acr"]),
                managed_by=row["managed_by"],
                member_count=row["member_count"],
                member_groups=tuple(row["member_groups"]),
                created_at=row["created_at"],
                updated_at=row["updated_at"],
            )
            for row in rows
        ]

    async def members(self, names: Collection[str]) -> Mapping[str, tuple[Member, ...]]:
        """Who is in these groups directly, by user name; groups without anyone are left out."""
        rows = await self._database.fetch(_LIST_MEMBERS, sorted(names))
        return {
            row["group_name"]: tuple(starmap(Member, zip(row["subjects"], row["usernames"], strict=True)))
            for row in rows
        }

    async def create(self, groups: Collection[Group], now: datetime, managed_by: str | None = None) -> None:
        """Add groups without members. Raises ``Conflict`` where a name is taken."""
        try:
            await self._database.execute(_CREATE, *_said(groups), managed_by, now)
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"The group {_names(group.name for group in groups)} exists already.") from error

    async def update(self, groups: Collection[Group], now: datetime, managed_by: str | None = None) -> bool:
        """Store what is said of the groups of these names, and their owner; False if one is not there any more."""
        return len(await self._database.fetch(_UPDATE, *_said(groups), managed_by, now)) == len(groups)

    async def delete(self, names: Collection[str]) -> bool:
        """Forget groups and who is in them; False if there was none of one of the names."""
        return len(await self._database.fetch(_DELETE, sorted(names))) == len(names)

    async def add_members(self, members: Mapping[str, Collection[UUID]]) -> None:
        """Put users into groups. Raises ``Conflict`` where a group or a user is gone."""
        try:
            await self._database.execute(_ADD_MEMBERS, *_pairs(members))
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"The group {_names(members)} or one of these users was deleted meanwhile.") from error

    async def remove_members(self, members: Mapping[str, Collection[UUID]]) -> None:
        """Take users out of groups; who is not in one stays out."""
        await self._database.execute(_REMOVE_MEMBERS, *_pairs(members))

    async def add_groups(self, children: Mapping[str, Collection[str]]) -> None:
        """Let the members of ``children`` be in the group that they stand under too.

        Raises ``Conflict`` where one of them is gone.
        """
        try:
            await self._database.execute(_ADD_GROUPS, *_pairs(children))
        except asyncpg.ForeignKeyViolationError as error:
            inner = _names(child for each in children.values() for child in each)
            raise Conflict(f"The group {_names(children)} or one of {inner} does not exist.") from error
        except asyncpg.CheckViolationError as error:
            itself = _names(name for name, each in children.items() if name in each)
            raise Conflict(f"The group {itself} cannot be in itself.") from error

    async def remove_groups(self, children: Mapping[str, Collection[str]]) -> None:
        """Let the members of ``children`` be in the group that they stand under no longer, unless in another way."""
        await self._database.execute(_REMOVE_GROUPS, *_pairs(children))

    async def inhabited(self, names: Collection[str]) -> frozenset[str]:
        """Those of these groups in which there is a user who is not disabled, directly or through other groups."""
        return frozenset(row["name"] for row in await self._database.fetch(_FIND_INHABITED, sorted(names)))

    async def find_below(self, name: str) -> Sequence[str]:
        """This group and those whose members are in it too, at any depth; empty if there is no such group."""
        return [row["name"] for row in await self._database.fetch(_FIND_BELOW, name)]

    async def problems(self, subjects: Collection[UUID] | None = None) -> Sequence[str]:
        """What is wrong with groups as they are now: a cycle, too deep a nesting, a user in too many.

        ``subjects`` are the users of whom it could be true, None for all.
        """
        parents: dict[str, list[str]] = {}
        for row in await self._database.fetch(_LIST_NESTING):
            parents.setdefault(row["child"], []).append(row["parent"])
        if found := nesting_problems(parents):
            return found
        crowded = await self._database.fetch_row(
            _FIND_CROWDED, MAX_GROUPS_OF_USER, None if subjects is None else sorted(subjects)
        )
        if crowded is None:
            return ()
        return (crowded_sentence(crowded["username"], crowded["group_count"]),)


def _said(groups: Collection[Group]) -> tuple[list[str], list[str | None], list[str | None], list[str | None]]:
    """Names, display names, descriptions, and the levels they demand."""
    return (
        [group.name for group in groups],
        [group.display_name for group in groups],
        [group.description for group in groups],
        [group.required_acr for group in groups],
    )


def _pairs(within: Mapping[str, Collection[T]]) -> tuple[list[str], list[T]]:
    """What is in which group: the groups, and beside each what is in it, in one order for all transactions."""
    pairs = sorted((name, each) for name, listed in within.items() for each in set(listed))
    return [name for name, _ in pairs], [each for _, each in pairs]


def _names(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(listed[:_MOST_NAMES]) + more
