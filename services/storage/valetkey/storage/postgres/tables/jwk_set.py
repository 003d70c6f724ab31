"""The JWK Set as it is published, and what replicas report about it. Knows no private key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from valetkey.core.jose.keys import KeyObservation
from valetkey.storage.postgres.database.statement import Executor, Statement

_FIND = Statement("jwk_set.find", "SELECT document, etag, published_at FROM published_jwk_set WHERE id = 1")
# A replica that has been silent for a week holds nothing back any more.
_REPORT = Statement(
    "jwk_set.report",
    """
    WITH swept AS (
        DELETE FROM key_observations WHERE replica_id IN (
            SELECT replica_id FROM key_observations
            WHERE seen_at < $5::timestamptz - interval '7 days' AND replica_id <> $1
            LIMIT 10 FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO key_observations (replica_id, service, kids, serving_since, seen_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (replica_id) DO UPDATE SET service = excluded.service, kids = excluded.kids,
        serving_since = excluded.serving_since, seen_at = excluded.seen_at
    """,
)


@dataclass(frozen=True, slots=True)
class PublishedJwkSet:
    """The document that ``/jwks`` serves, byte for byte, and its entity tag without quotes. UTC. RFC 9110 §8.8.3."""

    document: str
    etag: str
    published_at: datetime


class JwkSetStore:
    """What replicas may do with the published JWK Set."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def find(self) -> PublishedJwkSet | None:
        """What is published now, None before the first rotation."""
        row = await self._database.fetch_row(_FIND)
        return None if row is None else PublishedJwkSet(row["document"], row["etag"], row["published_at"])

    async def report(self, observation: KeyObservation) -> None:
        """Record which keys this replica serves, so that none signs before every verifier can know it."""
        await self._database.execute(
            _REPORT,
            observation.replica_id,
            observation.service,
            sorted(observation.kids),
            observation.serving_since,
            observation.seen_at,
        )
