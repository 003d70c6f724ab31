"""What operators may rely on when they register, change and end clients."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_resource_server, make_session, make_user, password_hash
from valetkey.core.client.client import Client, ClientSecret
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.revocation import client_target
from valetkey.core.oauth.stored_authorization import NewAuthorization
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.postgres.tables.client_secrets import ClientSecrets
from valetkey.storage.postgres.tables.clients import Clients

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OLD, NEW, NEWER = (bytes([number]) * 32 for number in range(3))

_VERSION_OF_GRANT = Statement("test.version", "SELECT xmin, xmax, revoked_at FROM authorizations WHERE id = $1")
_FORGET_EPOCHS = Statement(
    "test.epochs",
    "UPDATE authorizations SET installation_epoch = NULL, client_epoch = NULL, user_epoch = NULL, consent_epoch = NULL",
)


@pytest.fixture
def clients(database: Database) -> Clients:
    return Clients(database)


@pytest.fixture
def catalog(database: Database) -> CatalogStore:
    return CatalogStore(database)


async def current(clients: Clients, now: datetime) -> list[bytes]:
    client = await clients.find("web")
    assert client is not None
    return [secret.digest for secret in client.secrets if secret.is_current(now)]


async def test_a_client_id_is_given_once(clients: Clients) -> None:
    await clients.insert(make_client(), NOW)

    with pytest.raises(Conflict, match="web is already registered"):
        await clients.insert(make_client(), NOW)


async def test_a_resource_belongs_to_one_client(clients: Clients) -> None:
    await clients.insert(make_resource_server(client_id="one"), NOW)

    with pytest.raises(Conflict, match=r"https://api\.example already belongs"):
        await clients.insert(make_resource_server(client_id="two"), NOW)


async def test_an_update_replaces_the_metadata_and_nothing_else(clients: Clients) -> None:
    client = make_client()
    await clients.insert(client, NOW, managed_by="platform")
    changed = replace(
        make_client("renamed", secret="t" * 43, enabled=False),
        uid=client.uid,
        client_name="Changed",
        redirect_uris=("https://changed.example/",),
        default_max_age=60,
    )

    is_updated = await clients.update(changed, LATER, managed_by="platform")

    record = await clients.find_record("web")
    assert is_updated
    assert record is not None
    assert record.client == replace(changed, client_id="web", secrets=client.secrets, enabled=True)
    assert (record.managed_by, record.created_at, record.updated_at) == ("platform", NOW, LATER)


async def test_an_unknown_client_cannot_be_updated(clients: Clients) -> None:
    is_updated = await clients.update(make_client(), NOW)

    assert not is_updated


async def test_clients_are_listed_with_who_manages_them(clients: Clients) -> None:
    await clients.insert(make_client("b"), NOW, managed_by="platform")
    await clients.insert(make_client("a"), NOW)

    records = await clients.list()

    assert [(record.client.client_id, record.managed_by) for record in records] == [("a", None), ("b", "platform")]


@pytest.mark.requirement("architecture 3: two overlapping secrets each")
async def test_an_old_secret_counts_until_its_overlap_ends(database: Database, clients: Clients) -> None:
    client = make_client(secrets=(ClientSecret(OLD),))
    await clients.insert(client, NOW)

    is_rotated = await ClientSecrets(database).rotate(client.uid, NEW, NOW, LATER)

    assert is_rotated
    assert await current(clients, LATER - timedelta(seconds=1)) == [NEW, OLD]
    assert await current(clients, LATER) == [NEW]


async def test_without_an_overlap_the_old_secret_is_gone(database: Database, clients: Clients) -> None:
    client = make_client(secrets=(ClientSecret(OLD),))
    await clients.insert(client, NOW)

    await ClientSecrets(database).rotate(client.uid, NEW, NOW, NOW)

    assert await current(clients, NOW) == [NEW]
    assert len(await database.fetch(Statement("test", "SELECT id FROM client_secrets"))) == 1


async def test_of_several_old_secrets_only_the_newest_overlaps(database: Database, clients: Clients) -> None:
    client = make_client(secrets=(ClientSecret(OLD),))
    await clients.insert(client, NOW)
    secrets = ClientSecrets(database)
    await secrets.rotate(client.uid, NEW, NOW + timedelta(seconds=1), LATER)

    await secrets.rotate(client.uid, NEWER, NOW + timedelta(seconds=2), LATER + timedelta(days=1))

    assert await current(clients, NOW + timedelta(seconds=2)) == [NEWER, NEW]


async def test_a_secret_never_outlives_what_was_said_first(database: Database, clients: Clients) -> None:
    client = make_client(secrets=(ClientSecret(OLD, LATER),))
    await clients.insert(client, NOW)

    await ClientSecrets(database).rotate(client.uid, NEW, NOW, LATER + timedelta(days=1))

    assert await current(clients, LATER) == [NEW]


async def test_the_secret_of_an_unknown_client_cannot_be_rotated(database: Database) -> None:
    is_rotated = await ClientSecrets(database).rotate(uuid4(), NEW, NOW, LATER)

    assert not is_rotated


async def _grant(stores: Stores, client: Client) -> NewAuthorization:
    session = make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    new = make_authorization(client, session, NOW, bound_to_session=False)
    await stores.authorizations.insert(new)
    return new


@pytest.mark.parametrize("change", ["disable", "delete"])
@pytest.mark.requirement("security 21: refuse after client disabled, on every replica")
async def test_what_a_client_was_given_is_revoked(stores: Stores, change: str) -> None:
    await _grant(stores, make_client())

    end = stores.client_lifecycle.disable if change == "disable" else stores.client_lifecycle.delete
    revocations = await end("web", NOW)

    assert revocations is not None
    assert [(revocation.target, revocation.epoch) for revocation in revocations] == [(client_target("web"), 1)]
    # What release 0.1.0 was about to hand out has no epoch, and is judged by time.
    assert revocations[0].revoked_at > NOW + timedelta(seconds=20)
    assert list(await stores.revocations.find([client_target("web")])) == list(revocations)


@pytest.mark.requirement("operations: a client with millions of grants ends at once")
async def test_ending_a_client_touches_no_grant(database: Database) -> None:
    stores, client = postgres_stores(database), make_client()
    new = await _grant(stores, client)
    before = await database.fetch_row(_VERSION_OF_GRANT, new.authorization_id)

    await stores.client_lifecycle.disable("web", NOW)
    after = await database.fetch_row(_VERSION_OF_GRANT, new.authorization_id)
    rotated = await stores.authorizations.rotate(new.authorization_id, 1, client.uid, NOW)

    assert before is not None
    assert before == after
    assert rotated is None


@pytest.mark.requirement("security 60: what has ended stays ended when a client is enabled again")
@pytest.mark.parametrize("has_epochs", [True, False])
async def test_grants_from_before_are_revoked_for_every_release_once_a_client_is_enabled_again(
    database: Database, *, has_epochs: bool
) -> None:
    stores, client = postgres_stores(database), make_client()
    new = await _grant(stores, client)
    if not has_epochs:
        await database.execute(_FORGET_EPOCHS)
    await stores.client_lifecycle.disable("web", LATER)

    await stores.client_lifecycle.enable("web", LATER + timedelta(minutes=1))

    row = await database.fetch_row(_VERSION_OF_GRANT, new.authorization_id)
    assert row is not None
    assert row["revoked_at"] == LATER
    assert await stores.authorizations.rotate(new.authorization_id, 1, client.uid, LATER) is None


async def test_a_disabled_client_can_come_back(stores: Stores) -> None:
    client = make_client()
    await stores.clients.insert(client, NOW)
    await stores.client_lifecycle.disable("web", NOW)
    disabled = await stores.clients.find("web")

    is_enabled = await stores.client_lifecycle.enable("web", LATER)

    assert is_enabled
    assert disabled == replace(client, enabled=False, epoch=1)
    assert await stores.clients.find("web") == replace(client, epoch=1)


async def test_an_unknown_client_cannot_be_ended(stores: Stores) -> None:
    ended = [
        await stores.client_lifecycle.disable("web", NOW),
        await stores.client_lifecycle.delete("web", NOW),
        await stores.client_lifecycle.enable("web", NOW),
    ]

    assert ended == [None, None, False]
    assert not list(await stores.revocations.find([client_target("web")]))


@pytest.mark.requirement("security 60: deleting and re-creating a user or client inherits nothing")
async def test_a_client_id_is_free_again_after_deletion(stores: Stores) -> None:
    await stores.clients.insert(make_client(), NOW)
    await stores.client_lifecycle.delete("web", NOW)
    again: Client = make_client(secret="t" * 43)

    await stores.clients.insert(again, LATER)

    # Its epoch goes on, so that no token of the first one is good for it.
    assert await stores.clients.find("web") == replace(again, epoch=1)


async def test_a_scope_needs_its_resource_server(catalog: CatalogStore) -> None:
    with pytest.raises(Conflict, match=r"No client is the resource server https://api\.example"):
        await catalog.put_scope(RegisteredScope("read", "Read", "https://api.example"))


async def test_a_scope_can_be_described_anew_and_unregistered(clients: Clients, catalog: CatalogStore) -> None:
    await clients.insert(make_resource_server(), NOW)
    await catalog.put_scope(RegisteredScope("read", "Read", "https://api.example"))
    anew = RegisteredScope("read", "Read everything", translations={"de": "Alles lesen"})

    await catalog.put_scope(anew)
    described = (await catalog.get()).scopes["read"]
    is_deleted = await catalog.delete_scope("read")

    assert described == anew
    assert is_deleted
    assert not await catalog.delete_scope("read")
    assert "read" not in (await catalog.get()).scopes


async def test_a_resource_with_scopes_does_not_change(clients: Clients, catalog: CatalogStore) -> None:
    server = make_resource_server()
    await clients.insert(server, NOW)
    await catalog.put_scope(RegisteredScope("read", "Read", server.resource))

    with pytest.raises(Conflict, match="still has scopes"):
        await clients.update(replace(server, resource=None), NOW)

    assert (await catalog.get()).scopes["read"].resource == server.resource


async def test_scopes_go_with_their_resource_server(
    database: Database, clients: Clients, catalog: CatalogStore
) -> None:
    server = make_resource_server()
    await clients.insert(server, NOW)
    await catalog.put_scope(RegisteredScope("read", "Read", server.resource))

    await ClientLifecycle(database).delete(server.client_id, NOW)

    found = await catalog.get()
    assert "read" not in found.scopes
    assert found.resources == {}
