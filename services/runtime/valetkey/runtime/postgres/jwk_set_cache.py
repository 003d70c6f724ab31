"""The JWK Set in memory: it stays there whatever happens to PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from valetkey.core.errors import TemporarilyUnavailable
from valetkey.core.jwt_verification import KeySet
from valetkey.core.keys import KeyObservation
from valetkey.runtime.clock import Clock
from valetkey.runtime.metrics import JWK_SET_VERSION, JWKS_AGE
from valetkey.runtime.postgres.jwk_set import JwkSetStore, PublishedJwkSet
from valetkey.runtime.postgres.notifications import KEYS_CHANNEL
from valetkey.runtime.postgres.poller import Poller
from valetkey.runtime.postgres.pool import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Serving:
    published: PublishedJwkSet
    key_set: KeySet
    since: datetime


class JwkSetCache:
    """See ``valetkey.core.ports.KeySetSource``.

    Takes up every new JWK Set within moments, without notifications after ``poll_interval``, and reports it.
    """

    def __init__(
        self, database: Database, *, replica_id: str, service: str, poll_interval: timedelta, clock: Clock
    ) -> None:
        self._store = JwkSetStore(database)
        self._replica_id = replica_id
        self._service = service
        self._clock = clock
        self._serving: _Serving | None = None
        self._confirmed_at: datetime | None = None
        self._poller = Poller(self._refresh, poll_interval, "jwk-set")
        database.on_notify(KEYS_CHANNEL, lambda _: self._poller.wake())

    async def start(self) -> None:
        """Load once, even in vain, and keep up with what is published."""
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

    def reason_to_wait(self) -> str:
        """Empty once a JWK Set has been loaded."""
        return "" if self._serving else "no JWK Set has been loaded yet: run valetkey rotate-keys"

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
        if serving is None or serving.published.etag != published.etag:
            key_set = KeySet.parse(json.loads(published.document))
            serving = _Serving(published, key_set, _EPOCH if serving is None else self._clock())
            self._serving = serving
            JWK_SET_VERSION.set(_version(published.etag))
        self._confirmed_at = self._clock()
        JWKS_AGE.set(0)
        await self._store.report(
            KeyObservation(
                self._replica_id, self._service, frozenset(serving.key_set.keys), serving.since, self._clock()
            )
        )


def _version(etag: str) -> int:
    """A number that every replica makes of the same set, small enough for a float to hold it exactly."""
    return int.from_bytes(hashlib.sha256(etag.encode()).digest()[:6])
