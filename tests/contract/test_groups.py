"""What is kept of groups, and what each statement that reads a user says of the user's groups."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asyncpg import Record

from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.administration.apply.change import FieldChange, GroupChange, Kind, Plan
from valetkey.administration.apply.declaration import DeclaredGroup
from valetkey.administration.apply.people_execute import write_people
from valetkey.administration.installation import Installation
from valetkey.core.authentication.group import MAX_GROUPS_OF_USER, Group
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.groups import GroupRecord, Groups
from valetkey.storage.postgres.tables.users import Users

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
HASH = password_hash()
SECRET = "a session's secret"


async def create_groups(groups: Groups, *names: str) -> None:
    for name in names:
        await groups.create([Group(name)], NOW)


async def create_user(stores: Stores, username: str = "ada", **changes: Any) -> User:  # noqa: ANN401 - any field of User
    user = make_user(username, **changes)
    await stores.users.create(user, HASH)
    return user


class CountingExecutor:
    """Runs statements, and counts those that write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.attributes = database.attributes
        self.written = Counter[str]()

    async def fetch(self, statement: Statement, *arguments: object) -> list[Record]:
        self.written[statement.name] += 1
        return await self._database.fetch(statement, *arguments)

    async def fetch_row(self, statement: Statement, *arguments: object) -> Record | None:
        self.written[statement.name] += 1
        return await self._database.fetch_row(statement, *arguments)

    async def execute(self, statement: Statement, *arguments: object) -> None:
        self.written[statement.name] += 1
        await self._database.execute(statement, *arguments)


@pytest.mark.requirement("apply: what is written of groups takes the same statements, however many there are")
async def test_a_file_of_many_groups_takes_as_many_statements_as_one_of_few(database: Database) -> None:
    installation = cast("Installation", SimpleNamespace(clock=lambda: NOW))
    counted = []
    for number in (2, 200):
        names = [f"{number}-{each}" for each in range(number)]
        groups = [
            DeclaredGroup(Group(name), member_groups=tuple(names[1:]) if name == names[0] else ()) for name in names
        ]
        within = FieldChange("member_groups", [], names[1:])
        made = [GroupChange(Kind.CREATE, (within,) if group is groups[0] else (), after=group) for group in groups]
        records = [GroupRecord(group.group, None, 0, (), NOW, NOW) for group in groups]
        gone = [GroupChange(Kind.DELETE, before=record) for record in records]
        executor = CountingExecutor(database)
        for changes in (made, gone):
            await write_people(installation, executor, Plan(groups=tuple(changes)), "platform", {})
        counted.append(executor.written)

    assert counted[0] == counted[1]
    assert not await Groups(database).list()


async def groups_by_statement(database: Database, user: User) -> dict[str, tuple[str, ...]]:
    """What each statement that reads a user reads of the groups."""
    stores, client, session = postgres_stores(database), make_client(), make_session(user, NOW)
    await stores.clients.insert(client, NOW)
    await stores.sessions.create(SECRET, session, None)
    new = make_authorization(client, session, NOW)
    inserted = await stores.authorizations.insert(new)
    rotated = await stores.authorizations.rotate(new.authorization_id, 1, client.uid, LATER)
    # Of two for the same row, the second is left to a statement of its own.
    again, rotated_alone = await asyncio.gather(
        stores.authorizations.rotate(new.authorization_id, 2, client.uid, LATER),
        stores.authorizations.rotate(new.authorization_id, 3, client.uid, LATER),
    )
    live = await stores.authorizations.find_live(new.authorization_id, client.uid, LATER)
    found, by_name = await stores.users.find_by_subject(user.subject), await stores.users.find_by_login_name("ada")
    opened = await stores.sessions.find(SECRET, NOW)
    (listed,) = [each for each in await Users(database).list() if each.subject == user.subject]
    assert inserted is not None
    assert rotated is not None
    assert again is not None
    assert rotated_alone is not None
    assert live is not None
    assert found is not None
    assert by_name is not None
    assert opened is not None
    return {
        "insert": inserted.user.groups,
        "rotate": rotated.user.groups,
        "rotate_one": rotated_alone.user.groups,
        "find": live.user.groups,
        "find_by_subject": found.groups,
        "find_by_login_name": by_name[0].groups,
        "session": opened.user.groups,
        "list": listed.groups,
    }


@pytest.mark.requirement("groups: nested groups are flattened at read, each once and sorted, in every statement")
async def test_every_statement_that_reads_a_user_reads_all_groups(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada = await create_user(stores)
    await create_groups(groups, "zeta", "team", "Alpha", "all", "elsewhere", "Émile")
    await groups.add_members({"team": [ada.subject]})
    await groups.add_members({"zeta": [ada.subject]})
    # By two ways into "all", and below nothing that the user is not in.
    await groups.add_groups({"Alpha": ["team"]})
    await groups.add_groups({"Émile": ["zeta"]})
    await groups.add_groups({"all": ["Alpha", "zeta"]})
    await groups.add_groups({"team": ["elsewhere"]})

    read = await groups_by_statement(database, ada)

    expected = ("Alpha", "all", "team", "zeta", "Émile")
    assert expected == tuple(sorted(expected))
    assert read == dict.fromkeys(read, expected)


@pytest.mark.requirement("groups: a removed membership is gone from the next read")
@pytest.mark.parametrize("how", ["member", "nesting", "inner", "outer"])
async def test_what_is_taken_away_is_gone_at_once(database: Database, how: str) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada = await create_user(stores)
    await create_groups(groups, "inner", "outer")
    await groups.add_members({"inner": [ada.subject]})
    await groups.add_groups({"outer": ["inner"]})

    match how:
        case "member":
            await groups.remove_members({"inner": [ada.subject]})
        case "nesting":
            await groups.remove_groups({"outer": ["inner"]})
        case _:
            assert await groups.delete([how])

    found = await stores.users.find_by_subject(ada.subject)
    assert found is not None
    assert found.groups == {"member": (), "nesting": ("inner",), "inner": (), "outer": ("inner",)}[how]


async def test_a_user_without_groups_has_none(database: Database) -> None:
    stores = postgres_stores(database)
    ada = await create_user(stores)

    read = await groups_by_statement(database, ada)

    assert read == dict.fromkeys(read, ())


async def test_a_deleted_user_leaves_no_membership(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada, bob = await create_user(stores), await create_user(stores, "bob")
    await create_groups(groups, "team")
    await groups.add_members({"team": [ada.subject, bob.subject, bob.subject]})
    await groups.add_members({"team": [bob.subject]})

    await stores.user_lifecycle.delete(ada.subject, LATER)

    members = await groups.members(["team", "nothing"])
    assert {name: [member.username for member in found] for name, found in members.items()} == {"team": ["bob"]}


async def test_a_group_is_listed_as_it_was_registered_and_changed(database: Database) -> None:
    groups = Groups(database)
    await groups.create([Group("ops", "Operations", "Who runs it")], NOW, "platform")
    await create_groups(groups, "sre")
    await groups.add_groups({"ops": ["sre"]})

    assert await groups.update([Group("ops", None, "Who runs everything")], LATER, "others")
    assert not await groups.update([Group("gone")], LATER)

    ops, sre = await groups.list()
    assert (ops.group, ops.managed_by) == (Group("ops", None, "Who runs everything"), "others")
    assert (ops.member_groups, ops.member_count) == (("sre",), 0)
    assert (ops.created_at, ops.updated_at) == (NOW, LATER)
    assert [each.group.name for each in await groups.list(["sre", "gone"])] == ["sre"]
    assert sre.managed_by is None


async def test_what_cannot_be_is_a_conflict(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada = await create_user(stores)
    await create_groups(groups, "ops")

    with pytest.raises(Conflict, match="ops exists already"):
        await groups.create([Group("ops")], NOW)
    with pytest.raises(Conflict, match="group gone or one of these users"):
        await groups.add_members({"gone": [ada.subject]})
    with pytest.raises(Conflict, match="ops or one of gone"):
        await groups.add_groups({"ops": ["gone"]})
    with pytest.raises(Conflict, match="ops cannot be in itself"):
        await groups.add_groups({"ops": ["ops"]})
    assert not await groups.delete(["gone"])


@pytest.mark.requirement("groups: a hard bound on a user's groups is a visible error, never a silent cut")
async def test_a_user_in_too_many_groups_is_named(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada, bob = await create_user(stores), await create_user(stores, "bob")
    await create_groups(groups, "all")
    names = [f"g{number:04}" for number in range(MAX_GROUPS_OF_USER - 1)]
    for name in names:
        await groups.create([Group(name)], NOW)
        await groups.add_members({name: [ada.subject]})
    await groups.add_groups({"all": names[:2]})

    assert not await groups.problems()
    found = await stores.users.find_by_subject(ada.subject)
    assert found is not None
    assert len(found.groups) == MAX_GROUPS_OF_USER
    await create_groups(groups, "more")
    await groups.add_groups({"more": ["all"]})

    (problem,) = await groups.problems()
    assert problem.startswith(f"ada would be in {MAX_GROUPS_OF_USER + 1} groups")
    assert await groups.problems([ada.subject]) == (problem,)
    assert not await groups.problems([bob.subject])


async def test_a_cycle_that_got_in_all_the_same_ends_no_reading(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada = await create_user(stores)
    await create_groups(groups, "a", "b")
    await groups.add_members({"a": [ada.subject]})
    await groups.add_groups({"a": ["b"]})
    await groups.add_groups({"b": ["a"]})

    found = await stores.users.find_by_subject(ada.subject)

    assert found is not None
    assert found.groups == ("a", "b")
    assert await groups.problems()


async def test_inhabited_are_groups_in_which_somebody_can_sign_in(database: Database) -> None:
    stores, groups = postgres_stores(database), Groups(database)
    ada, bob = await create_user(stores), await create_user(stores, "bob", enabled=False)
    await create_groups(groups, "inner", "outer", "empty", "former")
    await groups.add_members({"inner": [ada.subject]})
    await groups.add_members({"former": [bob.subject]})
    await groups.add_groups({"outer": ["inner", "empty"]})

    found = await groups.inhabited(["inner", "outer", "empty", "former", "gone"])

    assert found == {"inner", "outer"}


async def test_two_changes_at_once_make_no_cycle_together(database: Database) -> None:
    await create_groups(Groups(database), "a", "b")

    async def nest(parent: str, child: str) -> bool:
        async with database.transaction("test.nest") as transaction:
            groups = Groups(transaction)
            await groups.lock()
            await groups.add_groups({parent: [child]})
            if await groups.problems():
                await groups.remove_groups({parent: [child]})
                return False
            return True

    assert sorted(await asyncio.gather(nest("a", "b"), nest("b", "a"))) == [False, True]
