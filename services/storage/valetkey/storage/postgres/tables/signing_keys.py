"""Signing keys with their sealed private parts: for the key rotation job, and for the token service to sign with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from valetkey.core.jose.keys import KeyObservation, PublicKey
from valetkey.core.jose.sealed_key import SealedKey
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import public_key_from, to_json

# The process that holds the lock may be making RSA keys on a busy machine.
_LONGEST_TURN = timedelta(seconds=60)
# Any number that no other advisory lock in this database uses.
_LOCK = Statement("signing_keys.lock", "SELECT pg_advisory_xact_lock(4170256398127)")
_LIST = Statement(
    "signing_keys.list",
    """
    SELECT kid, alg, state, jwk, sealed_private, key_encryption_key_id, created_at, activated_at, retired_at,
        retire_until
    FROM signing_keys ORDER BY created_at, kid
    """,
)
_LIST_ACTIVE = Statement(
    "signing_keys.list_active",
    """
    SELECT kid, alg, state, jwk, sealed_private, key_encryption_key_id, created_at, activated_at, retired_at,
        retire_until
    FROM signing_keys WHERE state = 'active' ORDER BY activated_at, kid
    """,
)
_LIST_PUBLIC = Statement(
    "signing_keys.list_public",
    """
    SELECT kid, alg, state, jwk, created_at, activated_at, retired_at, retire_until
    FROM signing_keys ORDER BY created_at, kid
    """,
)
_INSERT = Statement(
    "signing_keys.insert",
    """
    INSERT INTO signing_keys (
        kid, alg, state, jwk, sealed_private, key_encryption_key_id, created_at, activated_at, retired_at, retire_until
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """,
)
_UPDATE = Statement(
    "signing_keys.update",
    "UPDATE signing_keys SET state = $2, activated_at = $3, retired_at = $4, retire_until = $5 WHERE kid = $1",
)
_RESEAL = Statement(
    "signing_keys.reseal",
    "UPDATE signing_keys SET sealed_private = $2, key_encryption_key_id = $3 WHERE kid = $1",
)
_DELETE = Statement("signing_keys.delete", "DELETE FROM signing_keys WHERE kid = $1")
_LIST_OBSERVATIONS = Statement(
    "signing_keys.list_observations",
    "SELECT replica_id, service, kids, serving_since, seen_at FROM key_observations ORDER BY replica_id",
)
_PUBLISH = Statement(
    "signing_keys.publish",
    """
    INSERT INTO published_jwk_set AS p (id, document, etag, published_at) VALUES (1, $1, $2, $3)
    ON CONFLICT (id) DO UPDATE
    SET document = excluded.document, etag = excluded.etag, published_at = excluded.published_at
    WHERE p.etag <> excluded.etag OR p.document <> excluded.document
    """,
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key with its private part, which only a key-encryption key opens."""

    public: PublicKey
    sealed: SealedKey


class KeyTransaction:
    """What the key rotation job may do, in one transaction and one process at a time."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def keys(self) -> list[StoredKey]:
        """Every key, the oldest first."""
        return await _stored_keys(self._executor, _LIST)

    async def observations(self) -> list[KeyObservation]:
        """What every replica has reported last."""
        return await _observations(self._executor)

    async def insert(self, key: StoredKey) -> None:
        """Add a key."""
        public, sealed = key.public, key.sealed
        await self._executor.execute(
            _INSERT,
            public.kid,
            public.alg,
            public.state,
            to_json(public.jwk),
            sealed.ciphertext,
            sealed.key_encryption_key_id,
            public.created_at,
            public.activated_at,
            public.retired_at,
            public.retire_until,
        )

    async def update(self, key: PublicKey) -> None:
        """Store the state and its times."""
        await self._executor.execute(_UPDATE, key.kid, key.state, key.activated_at, key.retired_at, key.retire_until)

    async def reseal(self, kid: str, sealed: SealedKey) -> None:
        """Replace the sealed private part by the same under another key-encryption key."""
        await self._executor.execute(_RESEAL, kid, sealed.ciphertext, sealed.key_encryption_key_id)

    async def delete(self, kid: str) -> None:
        """Forget a key."""
        await self._executor.execute(_DELETE, kid)

    async def publish(self, document: str, etag: str, now: datetime) -> None:
        """Publish the JWK Set; the same again changes nothing. Replicas are told when the transaction commits."""
        await self._executor.execute(_PUBLISH, document, etag, now)


class KeyStore:
    """Signing keys. Raises ``TemporarilyUnavailable`` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[KeyTransaction]:
        """One transaction at a time across all processes: a second one waits, and sees what the first did."""
        async with self._database.transaction("signing_keys.transaction", _LONGEST_TURN) as transaction:
            await transaction.execute(_LOCK)
            yield KeyTransaction(transaction)

    async def active_keys(self) -> list[StoredKey]:
        """The keys that sign; of two for one algorithm the later activated comes last."""
        return await _stored_keys(self._database, _LIST_ACTIVE)

    async def public_keys(self) -> list[PublicKey]:
        """Every key without its private part, the oldest first."""
        return [public_key_from(row) for row in await self._database.fetch(_LIST_PUBLIC)]

    async def observations(self) -> list[KeyObservation]:
        """What every replica has reported last."""
        return await _observations(self._database)


async def _stored_keys(executor: Executor, statement: Statement) -> list[StoredKey]:
    return [
        StoredKey(public_key_from(row), SealedKey(row["key_encryption_key_id"], row["sealed_private"]))
        for row in await executor.fetch(statement)
    ]


async def _observations(executor: Executor) -> list[KeyObservation]:
    return [
        KeyObservation(row["replica_id"], row["service"], frozenset(row["kids"]), row["serving_since"], row["seen_at"])
        for row in await executor.fetch(_LIST_OBSERVATIONS)
    ]
