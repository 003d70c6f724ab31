"""Writes the registrations of a run into the empty database."""

from __future__ import annotations

from uuid import uuid4

from valetkey.core.authentication.user import User
from valetkey.core.ports.clock import Clock
from valetkey.demo.registration import DemoUser, Registration
from valetkey.demo.stop_signal import in_thread
from valetkey.runtime.password_hash import PasswordCosts
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.users import Users


async def seed(database: Database, registration: Registration, settings: Settings, clock: Clock) -> None:
    """Users, clients and scopes; a scope comes after the resource server that it belongs to."""
    costs = PasswordCosts.of(settings)
    clients, catalog, users = Clients(database), CatalogStore(database), Users(database)
    for user in registration.users:
        await users.create(_user(user, clock), await in_thread(lambda: costs.hash(user.password)))  # noqa: B023
    for registered in registration.clients.values():
        await clients.insert(registered.client, clock())
    for scope in registration.scopes:
        await catalog.put_scope(scope)


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
