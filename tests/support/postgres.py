"""An open database with the newest schema, and the stores in it beside those in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from support.fake_clients import FakeClientLifecycle, FakeClients
from support.fake_world import FakeWorld
from support.fakes import (
    FakeAuthorizations,
    FakeCatalog,
    FakeConsents,
    FakeRevocationRecords,
    FakeSessions,
    FakeUserLifecycle,
    FakeUsers,
)
from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.authorizations import Authorizations
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.consents import Consents
from valetkey.storage.postgres.tables.revocations import RevocationRecords
from valetkey.storage.postgres.tables.sessions import Sessions
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

IDLE_LIFETIME = timedelta(hours=12)
KEPT_IDLE_LIFETIME = timedelta(days=7)
LIFETIME = timedelta(days=14)
MOST_SESSIONS, MOST_GRANTS = 30, 12


@dataclass
class Stores:
    """Everything that PostgreSQL keeps, or the fakes of it. `published` is what ending sessions has revoked."""

    clients: Clients | FakeClients
    client_lifecycle: ClientLifecycle | FakeClientLifecycle
    users: Users | FakeUsers
    user_lifecycle: UserLifecycle | FakeUserLifecycle
    sessions: Sessions | FakeSessions
    consents: Consents | FakeConsents
    authorizations: Authorizations | FakeAuthorizations
    revocations: RevocationRecords | FakeRevocationRecords
    catalog: CatalogStore | FakeCatalog
    published: list[Revocation] = field(default_factory=list)


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """An open database of the test's own."""
    async with Database(postgres_dsn, max_size=20) as opened:
        yield opened


@pytest.fixture(params=["fake", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The stores of one world, in memory and in PostgreSQL: a test of what the ports promise runs on both."""
    if request.param == "fake":
        return fake_stores()
    return postgres_stores(request.getfixturevalue("database"))


def fake_stores() -> Stores:
    world = FakeWorld()
    return Stores(
        clients=FakeClients(world),
        client_lifecycle=FakeClientLifecycle(world),
        users=FakeUsers(world),
        user_lifecycle=FakeUserLifecycle(world),
        sessions=FakeSessions(world, idle=IDLE_LIFETIME, kept_idle=KEPT_IDLE_LIFETIME, lifetime=LIFETIME),
        consents=FakeConsents(world),
        authorizations=FakeAuthorizations(world),
        revocations=FakeRevocationRecords(world),
        catalog=FakeCatalog(world),
    )


def postgres_stores(database: Database) -> Stores:
    published: list[Revocation] = []

    async def publish(revocations: Sequence[Revocation]) -> None:
        published.extend(revocations)

    return Stores(
        clients=Clients(database),
        client_lifecycle=ClientLifecycle(database),
        users=Users(database),
        user_lifecycle=UserLifecycle(database),
        sessions=Sessions(
            database,
            publish,
            idle_lifetime=IDLE_LIFETIME,
            kept_idle_lifetime=KEPT_IDLE_LIFETIME,
            lifetime=LIFETIME,
            most=MOST_SESSIONS,
        ),
        consents=Consents(database),
        authorizations=Authorizations(database, publish, most=MOST_GRANTS, sweep_pause=timedelta(0)),
        revocations=RevocationRecords(database),
        catalog=CatalogStore(database),
        published=published,
    )
