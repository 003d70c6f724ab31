"""Rotation on a real PostgreSQL: twice at once, killed half-way, with other key-encryption keys, in an emergency."""

import asyncio
import json
import os
import secrets
import signal
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from support.rfc9068 import ManualClock
from support.rotation import EPOCH, POLICY, START
from valetkey.core.access_token import TYP
from valetkey.core.errors import InvalidToken
from valetkey.core.jwt_verification import KeySet, verify_signature
from valetkey.core.keys import KeyObservation, KeyState, PublicKey, thumbprint
from valetkey.core.sealed_key import KeySealer, UnsealError
from valetkey.core.signing import sign
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.report import RotationReport
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.metrics import REGISTRY
from valetkey.runtime.postgres.jwk_set import JwkSetStore
from valetkey.runtime.postgres.jwk_set_cache import JwkSetCache
from valetkey.runtime.postgres.pool import Database
from valetkey.runtime.postgres.signer_cache import SignerCache
from valetkey.runtime.postgres.signing_keys import KeyStore

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
        """Somebody else holds a lock until the end of the block."""
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


async def test_the_first_run_makes_keys_that_sign_and_publishes_them_with_their_successors(
    installation: Installation,
) -> None:
    report = await installation.rotate(policy=BOTH)

    key_set, _ = await installation.published()
    keys = await installation.keys()
    assert [(key.alg, key.state.value) for key in keys if key.kid in report.activated] == [
        (key.alg, "active") for key in keys if key.state is KeyState.ACTIVE
    ]
    assert {key.alg for key in keys if key.state is KeyState.ACTIVE} == {"ES256", "RS256"}
    assert set(key_set.keys) == {key.kid for key in keys} == set(report.created)
    assert verify_signature(await token(installation), key_set, TYP) == {"sub": "ada"}


@pytest.mark.requirement("RFC 7638 §3: kid is the thumbprint of the key")
async def test_a_published_key_is_named_by_its_thumbprint_and_tells_nothing_private(
    installation: Installation,
) -> None:
    await installation.rotate(policy=BOTH)

    found = await JwkSetStore(installation.database).find()
    assert found is not None
    for jwk in json.loads(found.document)["keys"]:
        assert jwk["kid"] == thumbprint(jwk)
        assert jwk["use"] == "sig"
        assert not jwk.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


async def test_a_run_with_nothing_to_do_changes_nothing(installation: Installation) -> None:
    await installation.rotate()
    keys, (_, etag) = await installation.keys(), await installation.published()

    report = await installation.rotate()

    assert not any(report.changes.values())
    assert await installation.keys() == keys
    assert (await installation.published())[1] == etag


async def test_a_due_key_is_replaced_and_later_deleted(installation: Installation) -> None:
    await installation.rotate()
    (first,), (second,) = await installation.keys(KeyState.ACTIVE), await installation.keys(KeyState.PREPARED)
    old_token = await token(installation)
    installation.clock.now += POLICY.active_period

    rotated = await installation.rotate()
    key_set, _ = await installation.published()
    installation.clock.now += POLICY.retirement
    deleted = await installation.rotate()

    assert (rotated.retired, rotated.activated, deleted.deleted) == ((first.kid,), (second.kid,), (first.kid,))
    assert verify_signature(old_token, key_set, TYP)
    assert first.kid not in (await installation.published())[0].keys


async def test_a_due_key_waits_for_a_replica_that_does_not_serve_its_successor(installation: Installation) -> None:
    await installation.rotate()
    (active,), (prepared,) = await installation.keys(KeyState.ACTIVE), await installation.keys(KeyState.PREPARED)
    installation.clock.now += POLICY.active_period
    reports = JwkSetStore(installation.database)
    kids = frozenset({active.kid})
    await reports.report(KeyObservation("behind", "introspection", kids, EPOCH, installation.clock.now))

    held_back = await installation.rotate()
    kids |= {prepared.kid}
    await reports.report(KeyObservation("behind", "introspection", kids, EPOCH, installation.clock.now))
    rotated = await installation.rotate()

    assert (held_back.held_back_by, held_back.activated) == (("behind",), ())
    assert (rotated.held_back_by, rotated.activated) == ((), (prepared.kid,))


async def test_replicas_learn_of_a_rotation_by_notification_and_report_what_they_serve(
    installation: Installation,
) -> None:
    await installation.rotate()
    replica = JwkSetCache(
        installation.database, replica_id="r1", service="introspection", poll_interval=POLL, clock=installation.clock
    )
    await replica.start()
    installation.clock.now += POLICY.active_period

    report = await installation.rotate()

    async def reported() -> bool:
        return any(set(report.created) <= seen.kids for seen in await installation.store.observations())

    await until(reported)
    assert set(report.created) <= set(replica.key_set.keys)
    (seen,) = await installation.store.observations()
    assert (seen.replica_id, seen.serving_since) == ("r1", installation.clock.now)
    await replica.close()


async def test_runs_at_the_same_time_on_an_empty_database_make_one_set_of_keys(installation: Installation) -> None:
    reports = await installation.all_at_once(4, installation.rotate)

    assert sorted(len(report.created) for report in reports) == [0, 0, 0, 2]
    assert [key.state for key in await installation.keys()].count(KeyState.ACTIVE) == 1


async def test_runs_at_the_same_time_replace_a_due_key_once(installation: Installation) -> None:
    await installation.rotate()
    installation.clock.now += POLICY.active_period

    reports = await installation.all_at_once(4, installation.rotate)

    assert sorted(len(report.activated) for report in reports) == [0, 0, 0, 1]
    assert len(await installation.keys(KeyState.RETIRED)) == 1


@pytest.mark.requirement("security 56: a run that is killed half-way leaves everything as it was")
@pytest.mark.parametrize("due", [False, True], ids=["first run", "due key"])
async def test_a_process_that_is_killed_half_way_leaves_everything_as_it_was(
    installation: Installation, due: bool
) -> None:
    if due:
        installation.clock.now -= 2 * POLICY.active_period
        await installation.rotate(policy=BOTH)
    before = await installation.snapshot()

    async with installation.holding("LOCK TABLE published_jwk_set IN ACCESS EXCLUSIVE MODE"):
        job = await start_job(installation.dsn)
        await installation.until_count(WAITING_FOR_THE_TABLE, 1)
        job.send_signal(signal.SIGKILL)
        await job.wait()
    await installation.until_count(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%key_rotation%'", 0
    )

    assert await installation.snapshot() == before
    again = await start_job(installation.dsn)
    assert await again.wait() == 0
    assert len(await installation.keys(KeyState.ACTIVE)) == 2


async def test_a_run_that_is_cancelled_half_way_leaves_everything_as_it_was(installation: Installation) -> None:
    await installation.rotate()
    installation.clock.now += POLICY.active_period
    before = await installation.snapshot()

    async with installation.holding("LOCK TABLE published_jwk_set IN ACCESS EXCLUSIVE MODE"):
        run = asyncio.create_task(installation.rotate())
        await installation.until_count(WAITING_FOR_THE_TABLE, 1)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    assert await installation.snapshot() == before
    assert len((await installation.rotate()).activated) == 1


async def test_at_no_moment_does_the_published_set_differ_from_the_keys(installation: Installation) -> None:
    await installation.rotate()
    done = asyncio.Event()

    async def rotate_often() -> None:
        for _ in range(20):
            installation.clock.now += POLICY.active_period
            await installation.rotate()
        done.set()

    rotating = asyncio.create_task(rotate_often())
    seen = set()
    while not done.is_set():
        stored, published = await installation.snapshot()
        assert published == stored
        seen.add(frozenset(stored))
    await rotating

    assert len(seen) > 1


@pytest.mark.requirement("security 58: the key-encryption key is rotatable")
async def test_the_key_encryption_key_is_exchanged_without_making_new_signing_keys(installation: Installation) -> None:
    await installation.rotate()
    before = await installation.keys()

    report = await installation.rotate(KeySealer({"new": NEW, "old": OLD}))

    assert set(report.resealed) == {key.kid for key in before}
    assert await installation.keys() == before
    key_set, _ = await installation.published()
    assert verify_signature(await token(installation, KeySealer({"new": NEW})), key_set, TYP)
    assert not any((await installation.rotate(KeySealer({"new": NEW}))).changes.values())


@pytest.mark.requirement("security 58: private keys are sealed at rest, the key-encryption key outside the database")
async def test_a_missing_or_wrong_key_encryption_key_fails_the_run_and_changes_nothing(
    installation: Installation,
) -> None:
    await installation.rotate()
    installation.clock.now += POLICY.active_period
    before = await installation.snapshot()

    for sealer in (KeySealer({"new": NEW}), KeySealer({"old": FOREIGN})):
        with pytest.raises(UnsealError):
            await installation.rotate(sealer)

    assert await installation.snapshot() == before


async def test_an_emergency_replaces_every_key_at_once_and_their_tokens_fail(installation: Installation) -> None:
    await installation.rotate(policy=BOTH)
    leaked, stolen = await installation.keys(), await token(installation)

    report = await installation.rotate(policy=BOTH, emergency=True)

    key_set, _ = await installation.published()
    assert set(report.deleted) == {key.kid for key in leaked}
    assert len(report.activated) == 2
    assert set(key_set.keys) == set(report.created)
    assert verify_signature(await token(installation), key_set, TYP)
    with pytest.raises(InvalidToken):
        verify_signature(stolen, key_set, TYP)


async def test_an_emergency_helps_where_the_key_encryption_key_is_lost(installation: Installation) -> None:
    await installation.rotate()

    await installation.rotate(KeySealer({"new": NEW}), emergency=True)

    key_set, _ = await installation.published()
    assert verify_signature(await token(installation, KeySealer({"new": NEW})), key_set, TYP)


async def test_two_emergency_runs_at_the_same_time_replace_everything_once(installation: Installation) -> None:
    await installation.rotate()

    reports = await installation.all_at_once(2, lambda: installation.rotate(emergency=True))

    assert sorted(len(report.deleted) for report in reports) == [0, 2]


async def test_a_compromised_key_is_replaced_by_the_successor_that_everybody_knows(installation: Installation) -> None:
    await installation.rotate()
    (leaked,), (successor,) = await installation.keys(KeyState.ACTIVE), await installation.keys(KeyState.PREPARED)
    stolen = await token(installation)

    report = await installation.rotate(compromised=[leaked.kid])

    key_set, _ = await installation.published()
    assert (report.deleted, report.activated) == ((leaked.kid,), (successor.kid,))
    with pytest.raises(InvalidToken):
        verify_signature(stolen, key_set, TYP)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"VALETKEY_KEY_ENCRYPTION_KEYS": ""}, os.EX_CONFIG),
        ({"VALETKEY_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none"}, os.EX_TEMPFAIL),
    ],
    ids=["done", "settings", "no PostgreSQL"],
)
async def test_the_exit_code_says_what_to_do(installation: Installation, changed: dict[str, str], code: int) -> None:
    job = await start_job(installation.dsn, **changed)

    assert await job.wait() == code


async def start_job(dsn: str, **changed: str) -> asyncio.subprocess.Process:
    """The job in a process of its own, as a scheduler would start it."""
    settings = {
        "VALETKEY_POSTGRES_DSN": dsn,
        "VALETKEY_KEY_ENCRYPTION_KEYS": f"old:{encoded(OLD)}",
    }
    environment = {name: value for name, value in (settings | changed).items() if value}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "valetkey.key_rotation",
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


def encoded(key: bytes) -> str:
    return urlsafe_b64encode(key).rstrip(b"=").decode()


async def test_a_replica_tells_for_how_long_it_has_not_heard_about_keys(installation: Installation) -> None:
    await installation.rotate()
    replica = JwkSetCache(
        installation.database, replica_id="r1", service="introspection", poll_interval=POLL, clock=installation.clock
    )
    await replica.start()

    async with installation.holding("LOCK TABLE published_jwk_set IN ACCESS EXCLUSIVE MODE"):
        installation.clock.now += timedelta(minutes=10)
        await installation.observer.execute("NOTIFY valetkey_keys")
        await until(jwks_age_is(600))
    await until(jwks_age_is(0))
    await replica.close()


def jwks_age_is(seconds: float) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return REGISTRY.get_sample_value("valetkey_jwks_age_seconds") == seconds

    return holds
