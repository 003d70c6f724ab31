"""The keys that sign, opened and in memory. Only the token service comes here."""

from __future__ import annotations

import logging
from datetime import timedelta

from valetkey.core.jose.sealed_key import KeySealer, UnsealError
from valetkey.core.jose.sign import SigningKey, from_pkcs8
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.notifications import KEYS_CHANNEL
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.signing_keys import KeyStore, StoredKey

_log = logging.getLogger(__name__)


class SignerCache:
    """See ``valetkey.core.jose.sign.SignerSource``.

    Follows activation and retirement within moments, without notifications after ``poll_interval``. While PostgreSQL is
    away the keys known last go on signing.
    """

    def __init__(self, database: Database, sealer: KeySealer, *, poll_interval: timedelta) -> None:
        self._store = KeyStore(database)
        self._sealer = sealer
        self._signers: dict[str, SigningKey] = {}
        self._has_loaded = False
        self._poller = database_poller(self._refresh, poll_interval, "signing-keys")
        database.on_notify(KEYS_CHANNEL, lambda _: self._poller.wake())

    async def start(self) -> None:
        """Try to load once, then keep up with rotation."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    def signer(self, alg: str) -> SigningKey:
        """The active key for this algorithm, from memory; ``TemporarilyUnavailable`` if there is none."""
        key = self._signers.get(alg)
        if key is None:
            raise TemporarilyUnavailable(f"there is no active key for {alg}")
        return key

    def not_ready_reason(self) -> str:
        """Empty once an active key has been loaded, whatever becomes of it."""
        return "" if self._has_loaded else "no signing key has been loaded yet: run valetkey rotate-keys"

    async def _refresh(self) -> None:
        opened = {key.kid: key for key in self._signers.values()}
        signers = {}
        for stored in await self._store.active_keys():
            try:
                signers[stored.public.alg] = opened.get(stored.public.kid) or self._open(stored)
            except UnsealError as error:
                _log.error("an active signing key cannot be used: %s", error)
        self._signers = signers
        self._has_loaded = self._has_loaded or bool(signers)

    def _open(self, stored: StoredKey) -> SigningKey:
        public = stored.public
        return SigningKey(public.kid, public.alg, from_pkcs8(self._sealer.open(public.kid, stored.sealed)))
