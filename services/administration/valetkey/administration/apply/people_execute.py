"""Carries out what a plan says of groups and users, as a part of ``execute``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from valetkey.administration.apply.change import Kind, Plan, UserChange
from valetkey.administration.apply.people_plan import StoredPeople
from valetkey.administration.audit import record
from valetkey.administration.errors import Refused
from valetkey.administration.passwords import generate_password
from valetkey.administration.user_attributes import require_bounded
from valetkey.administration.users import delete_user, disable_user, enable_user, new_user, password_hash_for
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.users import Users

if TYPE_CHECKING:
    from valetkey.administration.apply.declaration import Declaration, DeclaredUser
    from valetkey.administration.installation import Installation, Publish
    from valetkey.core.authentication.user import User
    from valetkey.storage.postgres.database.statement import Executor

HandOver = Callable[[str, str], AbstractContextManager[object]]


async def read_people(database: Executor, declaration: Declaration, owner: str) -> StoredPeople:
    """The groups there are, who is in those that the file names, and the users whom it names or its owner owns."""
    groups = Groups(database)
    return StoredPeople(
        {found.group.name: found for found in await groups.list()},
        await groups.members([declared.group.name for declared in declaration.groups]),
        tuple(await Users(database).list_records(declaration.user_names, owner)),
    )


def hash_passwords(
    installation: Installation, plan: Plan, hand_over: HandOver | None, files: ExitStack
) -> dict[str, tuple[User, str]]:
    """New users with the hashes of their passwords, by user name; passwords that are made here are handed over.

    Raises ``Refused`` for a password that will not do.
    """
    made = {}
    for change in plan.users:
        if change.kind is not Kind.CREATE or change.after is None:
            continue
        user = _new_user(installation, change.after)
        require_bounded(user.claims)
        try:
            made[change.name] = user, password_hash_for(installation, user, _password(change, hand_over, files))
        except Refused as error:
            raise Refused(f"user {change.name}: {error.message}") from error
    return made


async def write_people(
    installation: Installation,
    transaction: Executor,
    plan: Plan,
    owner: str,
    created: Mapping[str, tuple[User, str]],
) -> None:
    """Write users, then groups, then who is in them. The lock on groups is held.

    Raises ``Refused`` for a user who would be in too many groups.
    """
    users, now = Users(transaction), installation.clock()
    for change in plan.users:
        if change.after is None:
            continue
        if change.before is None:
            await users.create(*created[change.name], owner)
            continue
        before = change.before.user
        user = change.after.applied_to(before)
        require_bounded(user.claims)
        await users.update(user, now, before.claims.keys() - user.claims.keys(), user.claims)
        await users.set_owner(user.subject, owner)
    if plan.groups:
        await _write_groups(installation, transaction, plan, owner)


async def _write_groups(installation: Installation, transaction: Executor, plan: Plan, owner: str) -> None:
    groups, now = Groups(transaction), installation.clock()
    await groups.delete([change.name for change in plan.groups if change.kind is Kind.DELETE])
    made = [change.after.group for change in plan.groups if change.after is not None and change.before is None]
    await groups.create(made, now, owner)
    changed = [change.after.group for change in plan.groups if change.after is not None and change.before is not None]
    await groups.update(changed, now, owner)
    names = {name for change in plan.groups for part in change.moved("members") for name in part}
    subjects = {found.user.username: found.user.subject for found in await Users(transaction).list_records(names, "")}
    members = {change.name: change.moved("members") for change in plan.groups}
    await groups.add_members({name: [subjects[each] for each in came] for name, (came, _) in members.items()})
    await groups.remove_members({name: [subjects[each] for each in left] for name, (_, left) in members.items()})
    within = {change.name: change.moved("member_groups") for change in plan.groups}
    await groups.add_groups({name: came for name, (came, _) in within.items()})
    await groups.remove_groups({name: left for name, (_, left) in within.items()})
    if problems := await groups.problems():
        raise Refused(*problems)


def record_people(installation: Installation, plan: Plan, created: Mapping[str, tuple[User, str]]) -> None:
    """Write an audit event about each user and group that was written."""
    for change in plan.users:
        if change.kind is Kind.UPDATE and change.before is not None:
            record("user.updated", installation.actor, subject=str(change.before.user.subject))
        elif change.name in created:
            record("user.created", installation.actor, subject=str(created[change.name][0].subject))
    for group in plan.groups:
        record(f"group.{group.kind}d", installation.actor, group=group.name)


async def end_users(installation: Installation, plan: Plan, publish: Publish) -> None:
    """Disable, enable and delete users, one by one."""
    for change in plan.users:
        if change.before is None:
            continue
        subject = change.before.user.subject
        if change.kind is Kind.DELETE:
            await delete_user(installation, subject, publish)
        elif change.ends_something:
            await disable_user(installation, subject, publish)
        elif any(field.name == "enabled" for field in change.fields):
            await enable_user(installation, subject)


def _new_user(installation: Installation, declared: DeclaredUser) -> User:
    user = new_user(
        installation,
        declared.username,
        email=declared.email,
        email_verified=declared.email_verified,
        claims=declared.claims,
    )
    return user if declared.enabled else replace(user, enabled=False)


def _password(change: UserChange, hand_over: HandOver | None, files: ExitStack) -> str:
    if not change.generates_password or hand_over is None:
        return change.password or ""
    password = generate_password()
    files.enter_context(hand_over(change.name, password))
    return password
