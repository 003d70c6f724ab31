"""A database whose signing keys rotate, under a clock that is moved by hand."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from support.rfc9068 import ManualClock
from support.rotation import POLICY, START
from valetkey.core.jose.keys import KeyState, PublicKey
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.jose.sign import sign
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth.access_token import TYP
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.report import RotationReport
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.storage.postgres.caches.signer_cache import SignerCache
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.jwk_set import JwkSetStore
from valetkey.storage.postgres.tables.signing_keys import KeyStore

OLD, NEW, FOREIGN = (secrets.token_bytes(32) for _ in range(3))
SEALER = KeySealer({"old": OLD})
POLL = timedelta(seconds=60)
BOTH = replace(POLICY, algorithms=("ES256", "RS256"))
LOCK = "SELECT pg_advisory_lock(4170256398127)"
WAITING_FOR_THE_LOCK = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
WAITING_FOR_THE_TABLE = "SELECT count(*) FROM pg_locks WHERE relation = 'published_jwk_set'::regclass AND NOT granted"
SNAPSHOT = """
    SELECT (SELECT coalesce(json_agg(kid ORDER BY kid), '[]') FROM signing_keys)::text AS stored,
        (SELECT document FROM published_jwk_set) AS document
"""


class Installation:
    """A database, a clock, and runs of the job on them."""

    def __init__(self, dsn: str, database: Database, observer: asyncpg.Connection) -> None:
        self.dsn = dsn
        self.database = database
        self.observer = observer
        self.clock = ManualClock(START)
        self.store = KeyStore(database)

    async def rotate(
        self,
        sealer: KeySealer = SEALER,
        *,
        policy: RotationPolicy = POLICY,
        emergency: bool = False,
        compromised: Collection[str] = (),
    ) -> RotationReport:
        return await rotate_keys(
            self.database, sealer, policy, self.clock, emergency=emergency, compromised=compromised
        )

    async def keys(self, state: KeyState | None = None) -> list[PublicKey]:
        return [key for key in await self.store.public_keys() if state in (None, key.state)]

    async def published(self) -> tuple[KeySet, str]:
        found = await JwkSetStore(self.database).find()
        assert found is not None
        return KeySet.parse(json.loads(found.document)), found.etag

    async def until_count(self, query: str, count: int) -> None:
        async def holds() -> bool:
            return bool(await self.observer.fetchval(query) == count)

        await until(holds)

    async def snapshot(self) -> tuple[set[str], set[str]]:
        """The kids that are stored and those that are published, at one moment."""
        row = await self.observer.fetchrow(SNAPSHOT)
        assert row is not None
        document = json.loads(row["document"] or '{"keys": []}')
        return set(json.loads(row["stored"])), {jwk["kid"] for jwk in document["keys"]}

    @asynccontextmanager
    async def holding(self, statement: str) -> AsyncIterator[None]:
        """Another transaction holds a lock until the end of the block."""
        other = await asyncpg.connect(self.dsn)
        try:
            async with other.transaction():
                await other.execute(statement)
                yield
        finally:
            await other.close()

    async def all_at_once(self, runs: int, run: Callable[[], Awaitable[RotationReport]]) -> list[RotationReport]:
        """Runs that have all begun before the first of them gets its turn."""
        async with self.holding(LOCK):
            tasks = [asyncio.ensure_future(run()) for _ in range(runs)]
            await self.until_count(WAITING_FOR_THE_LOCK, runs)
        return await asyncio.gather(*tasks)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.01)


@pytest.fixture
async def installation(postgres_dsn: str) -> AsyncIterator[Installation]:
    observer = await asyncpg.connect(postgres_dsn)
    async with Database(postgres_dsn) as database:
        yield Installation(postgres_dsn, database, observer)
    await observer.close()


async def token(installation: Installation, sealer: KeySealer = SEALER) -> str:
    signers = SignerCache(installation.database, sealer, poll_interval=POLL)
    await signers.start()
    try:
        return sign({"sub": "ada"}, signers.signer("ES256"), TYP)
    finally:
        await signers.close()
