"""The JWK Set in memory: it stays there whatever happens to PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from valetkey.core.jose.keys import KeyObservation
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.lifecycle.clock import Clock
from valetkey.runtime.telemetry.metrics import JWK_SET_VERSION, JWKS_AGE
from valetkey.storage.postgres.database.notifications import KEYS_CHANNEL
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.jwk_set import JwkSetStore, PublishedJwkSet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_LOADED = "no JWK Set has been loaded yet: run valetkey rotate-keys"
_NOT_REPORTED = "the JWK Set is there, but PostgreSQL takes no report of it: see the log, and whether it takes writes"


@dataclass(frozen=True, slots=True)
class _Serving:
    published: PublishedJwkSet
    key_set: KeySet
    since: datetime


class JwkSetCache:
    """See ``valetkey.core.ports.KeySetSource``.

    Takes up every new JWK Set within moments, without notifications after ``poll_interval``, and reports it; the first
    is reported before it is served.
    """

    def __init__(
        self, database: Database, *, replica_id: str, service: str, poll_interval: timedelta, clock: Clock
    ) -> None:
        self._store = JwkSetStore(database)
        self._replica_id = replica_id
        self._service = service
        self._clock = clock
        self._serving: _Serving | None = None
        self._lacks = _NOT_LOADED
        self._confirmed_at: datetime | None = None
        self._poller = database_poller(self._refresh, poll_interval, "jwk-set")
        database.on_notify(KEYS_CHANNEL, lambda _: self._poller.wake())

    async def start(self) -> None:
        """Try to load once, then keep up with what is published."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop. The report stays: others may still hold what this replica has served."""
        await self._poller.close()

    @property
    def document(self) -> str:
        """What ``/jwks`` answers; ``TemporarilyUnavailable`` before the first has been loaded."""
        return self._require().published.document

    @property
    def etag(self) -> str:
        """The entity tag of the document, without quotes. RFC 9110 §8.8.3."""
        return self._require().published.etag

    @property
    def published_at(self) -> datetime:
        """When the document was published. UTC."""
        return self._require().published.published_at

    @property
    def key_set(self) -> KeySet:
        """The keys, for verifying; ``TemporarilyUnavailable`` before the first have been loaded."""
        return self._require().key_set

    def not_ready_reason(self) -> str:
        """Empty once a JWK Set has been loaded and reported."""
        return "" if self._serving else self._lacks

    def _require(self) -> _Serving:
        if self._serving is None:
            raise TemporarilyUnavailable("no JWK Set has been loaded yet")
        return self._serving

    async def _refresh(self) -> None:
        if self._confirmed_at is not None:
            JWKS_AGE.set((self._clock() - self._confirmed_at).total_seconds())
        published = await self._store.find()
        if published is None:
            return
        serving = self._serving
        if serving is None:
            # Rotation waits only for replicas that it knows of: the first set is served once it has been reported.
            serving = _Serving(published, _key_set(published), _EPOCH)
            self._lacks = _NOT_REPORTED
            await self._report(serving)
            self._serve(serving)
            return
        if serving.published.etag != published.etag:
            serving = _Serving(published, _key_set(published), self._clock())
        self._serve(serving)
        await self._report(serving)

    def _serve(self, serving: _Serving) -> None:
        self._serving = serving
        self._confirmed_at = self._clock()
        JWK_SET_VERSION.set(_version(serving.published.etag))
        JWKS_AGE.set(0)

    async def _report(self, serving: _Serving) -> None:
        kids = frozenset(serving.key_set.keys)
        await self._store.report(KeyObservation(self._replica_id, self._service, kids, serving.since, self._clock()))


def _key_set(published: PublishedJwkSet) -> KeySet:
    return KeySet.parse(json.loads(published.document))


def _version(etag: str) -> int:
    """A number that every replica makes of the same set, small enough for a float to hold it exactly."""
    return int.from_bytes(hashlib.sha256(etag.encode()).digest()[:6])
