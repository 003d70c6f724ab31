"""Registered clients. Ending one is in ``client_lifecycle``, their secrets are in ``client_secrets``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import asyncpg
from asyncpg import Record

from valetkey.core.client.client import Client
from valetkey.core.client.metadata import FIELD, metadata_document
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import client_from, to_json

_FIND = Statement(
    "clients.find",
    """
    SELECT client_id, uid, client_name, token_endpoint_auth_method, grant_types, redirect_uris,
        post_logout_redirect_uris, scope, resources, resource, id_token_signed_response_alg, default_max_age,
        client_uri, policy_uri, tos_uri, metadata, enabled, secret_digests, secret_expiries,
        managed_by, created_at, updated_at, clients.epoch AS client_epoch, i.epoch AS installation_epoch
    FROM clients JOIN installation AS i ON i.id = 1 LEFT JOIN LATERAL (
        SELECT array_agg(s.digest ORDER BY s.created_at DESC, s.id) AS secret_digests,
            array_agg(s.expires_at ORDER BY s.created_at DESC, s.id) AS secret_expiries
        FROM client_secrets AS s WHERE s.client_uid = clients.uid
    ) AS secrets ON TRUE
    WHERE client_id = ANY ($1::text[])
    """,
)
_LIST = Statement(
    "clients.list",
    """
    SELECT client_id, uid, client_name, token_endpoint_auth_method, grant_types, redirect_uris,
        post_logout_redirect_uris, scope, resources, resource, id_token_signed_response_alg, default_max_age,
        client_uri, policy_uri, tos_uri, metadata, enabled, secret_digests, secret_expiries,
        managed_by, created_at, updated_at, clients.epoch AS client_epoch, i.epoch AS installation_epoch
    FROM clients JOIN installation AS i ON i.id = 1 LEFT JOIN LATERAL (
        SELECT array_agg(s.digest ORDER BY s.created_at DESC, s.id) AS secret_digests,
            array_agg(s.expires_at ORDER BY s.created_at DESC, s.id) AS secret_expiries
        FROM client_secrets AS s WHERE s.client_uid = clients.uid
    ) AS secrets ON TRUE
    ORDER BY client_id
    """,
)
_INSERT = Statement(
    "clients.insert",
    """
    WITH client AS (
        INSERT INTO clients (
            uid, client_name, token_endpoint_auth_method, grant_types, redirect_uris, post_logout_redirect_uris,
            scope, resources, resource, id_token_signed_response_alg, default_max_age, client_uri, policy_uri,
            tos_uri, metadata, client_id, enabled, managed_by, created_at, updated_at
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
        RETURNING uid
    )
    INSERT INTO client_secrets (id, client_uid, digest, created_at, expires_at)
    SELECT secret.id, client.uid, secret.digest, $19::timestamptz - secret.age * interval '1 microsecond',
        secret.expires_at
    FROM client, unnest($20::uuid[], $21::bytea[], $22::timestamptz[]) WITH ORDINALITY
        AS secret (id, digest, expires_at, age)
    """,
)
# Members of the document that a later release has written stay.
_UPDATE = Statement(
    "clients.update",
    """
    UPDATE clients SET client_name = $2, token_endpoint_auth_method = $3, grant_types = $4, redirect_uris = $5,
        post_logout_redirect_uris = $6, scope = $7, resources = $8, resource = $9, id_token_signed_response_alg = $10,
        default_max_age = $11, client_uri = $12, policy_uri = $13, tos_uri = $14,
        metadata = metadata || $15::jsonb, managed_by = $16, updated_at = greatest(updated_at, $17)
    WHERE uid = $1
    RETURNING uid
    """,
)


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A client as an operator sees it. ``managed_by`` is the owner in whose name it was applied. Times are UTC."""

    client: Client
    managed_by: str | None
    created_at: datetime
    updated_at: datetime


class Clients:
    """See ``valetkey.core.ports.ClientFinder``; ``client_cache`` is the one for every request."""

    def __init__(self, database: Executor) -> None:
        self._database = database
        self._finds: Batches[str, ClientRecord | None] = Batches(self._find)

    async def find(self, client_id: str) -> Client | None:
        """The client, enabled or not, as it is now."""
        record = await self.find_record(client_id)
        return None if record is None else record.client

    async def find_record(self, client_id: str) -> ClientRecord | None:
        """The client with what only operators care about."""
        if "\0" in client_id or not client_id.isascii():
            return None
        return await self._finds.ask(client_id)

    async def list(self) -> list[ClientRecord]:
        """Every client, by ``client_id``."""
        return [_record_from(row) for row in await self._database.fetch(_LIST)]

    async def insert(self, client: Client, now: datetime, managed_by: str | None = None) -> None:
        """Register a client with its secrets, the newest first.

        Raises ``Conflict`` where it is registered already, or is called as a user could be.
        """
        with _conflicts(client):
            await self._database.execute(
                _INSERT,
                client.uid,
                *_metadata(client),
                client.client_id,
                client.enabled,
                managed_by,
                now,
                [uuid4() for _ in client.secrets],
                [secret.digest for secret in client.secrets],
                [secret.expires_at for secret in client.secrets],
            )

    async def update(self, client: Client, now: datetime, managed_by: str | None = None) -> bool:
        """Replace the metadata of the client with this ``uid``; False if there is none any more.

        Its ``client_id``, its secrets and whether it is enabled have operations of their own. Raises ``Conflict``.
        """
        with _conflicts(client):
            row = await self._database.fetch_row(_UPDATE, client.uid, *_metadata(client), managed_by, now)
        return row is not None

    async def _find(self, client_ids: Sequence[str]) -> Sequence[ClientRecord | None]:
        rows = await self._database.fetch(_FIND, list(set(client_ids)))
        found = {row["client_id"]: _record_from(row) for row in rows}
        return [found.get(client_id) for client_id in client_ids]


def _metadata(client: Client) -> tuple[object, ...]:
    """The columns, and the document: a new field needs neither a column nor another statement. See migration 0004."""
    return (
        client.client_name,
        FIELD["token_endpoint_auth_method"].column(client.token_endpoint_auth_method),
        sorted(client.grant_types),
        client.redirect_uris,
        client.post_logout_redirect_uris,
        client.scope,
        sorted(client.resources),
        client.resource,
        FIELD["id_token_signed_response_alg"].column(client.id_token_signed_response_alg),
        client.default_max_age,
        client.client_uri,
        client.policy_uri,
        client.tos_uri,
        to_json(metadata_document(client)),
    )


def _record_from(row: Record) -> ClientRecord:
    return ClientRecord(client_from(row), row["managed_by"], row["created_at"], row["updated_at"])


@contextmanager
def _conflicts(client: Client) -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "clients_resource_key":
            raise Conflict(f"The resource {client.resource} already belongs to another client.") from error
        if error.constraint_name in ("clients_called_like_users", "token_subjects_pkey"):
            raise Conflict(f"{client.client_id} could be taken for the subject of a user; choose a word.") from error
        raise Conflict(f"The client {client.client_id} is already registered.") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise Conflict(f"The client {client.client_id} still has scopes at its present resource.") from error
