"""Releases beside each other on one table of clients: the columns, and the document that release 0.2 does not know."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from asyncpg import Record

from support.client_values import VALUES, client_with
from support.seed import make_client
from valetkey.core.client.metadata import FIELDS, metadata_document
from valetkey.core.client.metadata_field import Field, Place
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.clients import Clients

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OVERLAP = pytest.mark.requirement("operations: two versions always overlap, and the schema expands first")


@pytest.fixture
async def administrator(postgres_dsn: str) -> AsyncIterator["asyncpg.Connection[Record]"]:
    """A connection that may do anything."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


@OVERLAP
@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.place is not Place.DOCUMENT], ids=lambda f: f.name
)
async def test_a_column_that_release_0_2_reads_is_written(
    postgres_dsn: str, administrator: "asyncpg.Connection[Record]", field: Field
) -> None:
    client = client_with(field.name, VALUES[field.name].good)
    async with Database(postgres_dsn, max_size=1) as database:
        await Clients(database).insert(client, NOW)

    row = await administrator.fetchrow("SELECT * FROM clients WHERE uid = $1", client.uid)

    assert row is not None
    assert field.kind.typed(row[field.name]) == getattr(client, field.name)
    document = json.loads(row["metadata"])
    assert document == metadata_document(client)
    assert (field.name in document) is (field.place is Place.BOTH)


@OVERLAP
async def test_what_release_0_2_changes_in_a_column_counts(
    postgres_dsn: str, administrator: "asyncpg.Connection[Record]"
) -> None:
    client = make_client()
    async with Database(postgres_dsn, max_size=1) as database:
        clients = Clients(database)
        await clients.insert(client, NOW)
        await administrator.execute("UPDATE clients SET client_name = 'Renamed' WHERE uid = $1", client.uid)

        found = await clients.find(client.client_id)

    assert found is not None
    assert found.client_name == "Renamed"


@OVERLAP
async def test_a_client_that_release_0_2_registers_has_an_empty_document(
    postgres_dsn: str, administrator: "asyncpg.Connection[Record]"
) -> None:
    async with Database(postgres_dsn, max_size=1) as database:
        clients = Clients(database)
        client = make_client()
        await clients.insert(client, NOW)
        await administrator.execute("UPDATE clients SET metadata = DEFAULT WHERE uid = $1", client.uid)

        found = await clients.find(client.client_id)

    # The column has the algorithm that 0.2 would have used.
    assert found == replace(client, id_token_signed_response_alg="RS256")


@OVERLAP
async def test_what_a_later_release_keeps_in_the_document_survives_a_change(
    postgres_dsn: str, administrator: "asyncpg.Connection[Record]"
) -> None:
    client = make_client()
    async with Database(postgres_dsn, max_size=1) as database:
        clients = Clients(database)
        await clients.insert(client, NOW)
        await administrator.execute(
            "UPDATE clients SET metadata = metadata || '{\"later\": [1]}' WHERE uid = $1", client.uid
        )

        await clients.update(client, NOW)

    text = await administrator.fetchval("SELECT metadata FROM clients WHERE uid = $1", client.uid)
    assert json.loads(text) == metadata_document(client) | {"later": [1]}
