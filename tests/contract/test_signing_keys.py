"""What the key rotation job, replicas and the token service may rely on about keys."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from valetkey.core.jose.keys import KeyObservation, KeyState, PublicKey, jwk_set
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.core.jose.sign import generate_private_key, kid_of, public_jwk, to_pkcs8
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.caches.jwk_set_cache import JwkSetCache
from valetkey.storage.postgres.caches.signer_cache import SignerCache
from valetkey.storage.postgres.database.notifications import KEYS_CHANNEL
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.jwk_set import JwkSetStore, PublishedJwkSet
from valetkey.storage.postgres.tables.signing_keys import KeyStore, StoredKey

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEALER = KeySealer({"first": b"1" * 32})
NEVER = timedelta(days=1)


def make_key(state: KeyState = KeyState.ACTIVE, alg: str = "ES256", at: datetime = NOW) -> StoredKey:
    private_key = generate_private_key(alg)
    kid = kid_of(private_key)
    public = PublicKey(
        kid, alg, state, public_jwk(private_key), at, activated_at=None if state is KeyState.PREPARED else at
    )
    return StoredKey(public, SEALER.seal(kid, to_pkcs8(private_key)))


async def store_and_publish(store: KeyStore, *keys: StoredKey, at: datetime = NOW) -> str:
    document = json.dumps(jwk_set(key.public for key in keys))
    async with store.transaction() as transaction:
        for key in keys:
            await transaction.insert(key)
        await transaction.publish(document, f"tag of {len(keys)} at {at}", at)
    return document


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.fixture
def store(database: Database) -> KeyStore:
    return KeyStore(database)


@pytest.fixture
async def jwk_sets(database: Database) -> AsyncIterator[JwkSetCache]:
    cache = JwkSetCache(database, replica_id="one", service="introspection", poll_interval=NEVER, clock=lambda: LATER)
    yield cache
    await cache.close()


@pytest.fixture
async def signers(database: Database) -> AsyncIterator[SignerCache]:
    cache = SignerCache(database, SEALER, poll_interval=NEVER)
    yield cache
    await cache.close()


async def test_keys_are_kept_as_they_are(store: KeyStore) -> None:
    older, newer = make_key(at=NOW), make_key(KeyState.PREPARED, "RS256", LATER)

    async with store.transaction() as transaction:
        await transaction.insert(newer)
        await transaction.insert(older)

    async with store.transaction() as transaction:
        assert await transaction.keys() == [older, newer]
    assert await store.public_keys() == [older.public, newer.public]
    assert await store.active_keys() == [older]


async def test_a_key_changes_state_is_sealed_again_and_goes(store: KeyStore) -> None:
    key, gone = make_key(), make_key()
    retired = replace(key.public, state=KeyState.RETIRED, retired_at=LATER, retire_until=LATER + timedelta(hours=1))
    resealed = KeySealer({"second": b"2" * 32}).seal(key.public.kid, b"private")
    await store_and_publish(store, key, gone)

    async with store.transaction() as transaction:
        await transaction.update(retired)
        await transaction.reseal(key.public.kid, resealed)
        await transaction.delete(gone.public.kid)

    async with store.transaction() as transaction:
        assert await transaction.keys() == [StoredKey(retired, resealed)]


@pytest.mark.requirement("architecture 3: the JWK Set is published in the transaction that changes states")
async def test_a_transaction_that_fails_changes_nothing(database: Database, store: KeyStore) -> None:
    key = make_key()

    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.insert(key)
            await transaction.publish("{}", "tag", NOW)
            raise RuntimeError("killed half-way")

    with pytest.raises(RuntimeError, match="killed half-way"):
        await fail()

    assert await store.public_keys() == []
    assert await JwkSetStore(database).find() is None


@pytest.mark.requirement("architecture 3: every rotation is safe to run twice at once")
async def test_one_transaction_waits_for_another(store: KeyStore) -> None:
    seen = []

    async def add_one() -> None:
        async with store.transaction() as transaction:
            seen.append(len(await transaction.keys()))
            await asyncio.sleep(0.01)
            await transaction.insert(make_key())

    await asyncio.gather(*(add_one() for _ in range(5)))

    assert seen == [0, 1, 2, 3, 4]


async def test_publishing_the_same_again_changes_nothing(database: Database, store: KeyStore) -> None:
    for moment in (NOW, LATER):
        async with store.transaction() as transaction:
            await transaction.publish("{}", "tag", moment)

    assert await JwkSetStore(database).find() == PublishedJwkSet("{}", "tag", NOW)


async def test_the_last_report_of_each_replica_counts(database: Database, store: KeyStore) -> None:
    first = KeyObservation("one", "token", frozenset({"a"}), EPOCH, NOW)
    second = KeyObservation("one", "token", frozenset({"a", "b"}), NOW, LATER)
    other = KeyObservation("two", "introspection", frozenset(), EPOCH, NOW)

    for observation in (first, other, second):
        await JwkSetStore(database).report(observation)

    assert await store.observations() == [second, other]


@pytest.mark.requirement("operations: the database does not grow with traffic")
async def test_replicas_that_are_long_gone_are_forgotten(database: Database, store: KeyStore) -> None:
    reports = JwkSetStore(database)
    for number in range(15):
        await reports.report(KeyObservation(f"old {number}", "token", frozenset(), EPOCH, NOW - timedelta(days=8)))

    for _ in range(2):
        await reports.report(KeyObservation("new", "token", frozenset(), EPOCH, NOW))

    assert [observation.replica_id for observation in await store.observations()] == ["new"]


async def test_before_the_first_rotation_there_is_nothing_to_serve_or_sign_with(
    jwk_sets: JwkSetCache, signers: SignerCache
) -> None:
    await jwk_sets.start()
    await signers.start()

    with pytest.raises(TemporarilyUnavailable):
        _ = jwk_sets.document
    with pytest.raises(TemporarilyUnavailable):
        _ = jwk_sets.key_set
    with pytest.raises(TemporarilyUnavailable):
        signers.signer("ES256")


@pytest.mark.requirement("architecture 3: a replica reports that it serves a key")
async def test_what_is_published_is_served_and_reported(store: KeyStore, jwk_sets: JwkSetCache) -> None:
    key = make_key()
    document = await store_and_publish(store, key)

    await jwk_sets.start()

    assert (jwk_sets.document, jwk_sets.etag, jwk_sets.published_at) == (document, f"tag of 1 at {NOW}", NOW)
    assert set(jwk_sets.key_set.keys) == {key.public.kid}
    assert await store.observations() == [
        KeyObservation("one", "introspection", frozenset({key.public.kid}), EPOCH, LATER)
    ]


@pytest.mark.requirement("architecture 3: rotation waits for every replica that serves a JWK Set")
async def test_a_replica_serves_nothing_before_rotation_knows_of_it(
    store: KeyStore, jwk_sets: JwkSetCache, postgres_dsn: str
) -> None:
    await store_and_publish(store, make_key())
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute("ALTER TABLE key_observations RENAME TO elsewhere")
        await jwk_sets.start()
        reason = jwk_sets.not_ready_reason()
        with pytest.raises(TemporarilyUnavailable):
            _ = jwk_sets.document

        await connection.execute(f"ALTER TABLE elsewhere RENAME TO key_observations; NOTIFY {KEYS_CHANNEL}")
        await eventually(lambda: not jwk_sets.not_ready_reason())
    finally:
        await connection.close()

    assert "takes no report" in reason
    assert [each.replica_id for each in await store.observations()] == ["one"]


@pytest.mark.requirement("architecture 3: replicas learn of keys by NOTIFY")
async def test_replicas_are_told_of_new_keys(store: KeyStore, jwk_sets: JwkSetCache) -> None:
    key, successor = make_key(), make_key(KeyState.PREPARED)
    await store_and_publish(store, key)
    await jwk_sets.start()
    before = jwk_sets.key_set

    async with store.transaction() as transaction:
        await transaction.insert(successor)
        await transaction.publish(json.dumps(jwk_set([key.public, successor.public])), "another tag", NOW)

    await eventually(lambda: jwk_sets.etag == "another tag")
    assert set(before.keys) == {key.public.kid}
    assert set(jwk_sets.key_set.keys) == {key.public.kid, successor.public.kid}


async def test_the_key_set_stays_the_same_object_until_it_changes(store: KeyStore, jwk_sets: JwkSetCache) -> None:
    key = make_key()
    await store_and_publish(store, key)
    await jwk_sets.start()
    before = jwk_sets.key_set

    # A key in another state is news to replicas, but not another JWK Set.
    async with store.transaction() as transaction:
        await transaction.update(replace(key.public, state=KeyState.RETIRED, retired_at=LATER))
    await asyncio.sleep(0.2)

    assert jwk_sets.key_set is before


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_the_active_key_of_an_algorithm_signs(store: KeyStore, signers: SignerCache, alg: str) -> None:
    keys = [make_key(alg=known) for known in ("ES256", "RS256")] + [make_key(KeyState.PREPARED, alg)]
    await store_and_publish(store, *keys)

    await signers.start()

    signer = signers.signer(alg)
    assert signer.alg == alg
    assert signer.kid == next(key.public.kid for key in keys if key.public.alg == alg)
    assert kid_of(signer.private_key) == signer.kid


async def test_the_later_activated_of_two_signs(store: KeyStore, signers: SignerCache) -> None:
    later, earlier = make_key(at=LATER), make_key(at=NOW)
    await store_and_publish(store, later, earlier)

    await signers.start()

    assert signers.signer("ES256").kid == later.public.kid


@pytest.mark.requirement("architecture 3: a retired key does not sign")
async def test_the_signer_follows_activation_and_retirement(store: KeyStore, signers: SignerCache) -> None:
    old, new = make_key(), make_key(KeyState.PREPARED)
    await store_and_publish(store, old, new)
    await signers.start()
    before = signers.signer("ES256").kid

    async with store.transaction() as transaction:
        await transaction.update(replace(old.public, state=KeyState.RETIRED, retired_at=LATER))
        await transaction.update(replace(new.public, state=KeyState.ACTIVE, activated_at=LATER))

    await eventually(lambda: signers.signer("ES256").kid == new.public.kid)
    assert before == old.public.kid


@pytest.mark.requirement("security 58: private keys are sealed at rest, the key-encryption key outside the database")
async def test_without_its_key_encryption_key_a_key_does_not_sign(database: Database, store: KeyStore) -> None:
    await store_and_publish(store, make_key())
    signers = SignerCache(database, KeySealer({"another": b"x" * 32}), poll_interval=NEVER)

    await signers.start()

    with pytest.raises(TemporarilyUnavailable):
        signers.signer("ES256")
    await signers.close()


@pytest.mark.requirement("security 58: private keys are sealed at rest, the key-encryption key outside the database")
async def test_the_database_holds_no_private_key(database: Database, store: KeyStore) -> None:
    private_key = generate_private_key("ES256")
    kid, der = kid_of(private_key), to_pkcs8(private_key)
    public = PublicKey(kid, "ES256", KeyState.ACTIVE, public_jwk(private_key), NOW)

    await store_and_publish(store, StoredKey(public, SEALER.seal(kid, der)))

    rows = await database.fetch(Statement("test", "SELECT signing_keys::text AS text FROM signing_keys"))
    assert len(rows) == 1
    assert der.hex() not in rows[0]["text"]
    assert '"d"' not in rows[0]["text"]
