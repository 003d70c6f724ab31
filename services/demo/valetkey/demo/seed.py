"""Writes the registrations of a run into the database: an empty one, or that of an earlier run."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from valetkey.core.authentication.user import User
from valetkey.core.client.client import Client
from valetkey.core.ports.clock import Clock
from valetkey.demo.registration import DemoUser, Registration
from valetkey.demo.stop_signal import in_thread
from valetkey.runtime.password_hash import PasswordCosts
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.users import Users


async def seed(database: Database, registration: Registration, settings: Settings, clock: Clock) -> None:
    """Groups, users, clients and scopes; a scope comes after the resource server that it belongs to.

    What is there stays, and so does who is in which group; the demo's own clients get the addresses of this run.
    """
    await _seed_people(database, registration, PasswordCosts.of(settings), clock)
    async with database.transaction("demo.seed") as transaction:
        for registered in registration.clients.values():
            await _seed_client(transaction, registered.client, clock)
        for scope in registration.scopes:
            await CatalogStore(transaction).put_scope(scope)


async def _seed_client(database: Executor, client: Client, clock: Clock) -> None:
    clients, catalog = Clients(database), CatalogStore(database)
    found = await clients.find(client.client_id)
    if found is None:
        await clients.insert(client, clock())
        return
    moves = found.resource not in (None, client.resource)
    moved = [scope for scope in (await catalog.get()).scopes.values() if moves and scope.resource == found.resource]
    # An API cannot move while scopes are at its address.
    for scope in moved:
        await catalog.put_scope(replace(scope, resource=None))
    await clients.update(replace(client, uid=found.uid), clock())
    for scope in moved:
        await catalog.put_scope(replace(scope, resource=client.resource))


async def _seed_people(database: Database, registration: Registration, costs: PasswordCosts, clock: Clock) -> None:
    groups, users = Groups(database), Users(database)
    present = {record.group.name for record in await groups.list()}
    for group in registration.groups:
        if group.name not in present:
            await groups.create([group], clock())
    for demo_user in registration.users:
        if await users.find_by_login_name(demo_user.username) is not None:
            continue
        user, password = _user(demo_user, clock), demo_user.password
        await users.create(user, await in_thread(lambda: costs.hash(password)))  # noqa: B023
        for name in demo_user.groups:
            await groups.add_members({name: [user.subject]})


def _user(user: DemoUser, clock: Clock) -> User:
    now = clock()
    return User(
        subject=uuid4(),
        username=user.username,
        email=user.email,
        email_verified=True,
        enabled=True,
        valid_since=now,
        updated_at=now,
        claims={"name": user.name, "given_name": user.name.split()[0], "family_name": user.name.split()[-1]},
    )
