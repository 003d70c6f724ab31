"""Rotation on a real PostgreSQL: twice at once, killed half-way, with other key-encryption keys, in an emergency."""

import asyncio
import json
import os
import signal
import sys
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from unittest.mock import Mock

import pytest

from support.rotating_installation import (
    BOTH,
    FOREIGN,
    NEW,
    OLD,
    POLL,
    WAITING_FOR_THE_TABLE,
    Installation,
    token,
    until,
)
from support.rotation import EPOCH, POLICY
from valetkey.core.jose.keys import KeyObservation, KeyState, thumbprint
from valetkey.core.jose.sealed_key import KeySealer, UnsealError
from valetkey.core.jose.verify_own import verify_signature
from valetkey.core.oauth.access_token import TYP
from valetkey.core.oauth.errors import InvalidToken
from valetkey.storage.postgres.caches.jwk_set_cache import JwkSetCache
from valetkey.storage.postgres.tables.jwk_set import JwkSetStore


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
    (waiting,) = held_back.waiting
    assert (waiting.kid, waiting.behind) == (prepared.kid, ("behind",))
    assert rotated.waiting == ()
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


async def test_a_compromised_key_is_replaced_by_the_published_successor(installation: Installation) -> None:
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


async def test_a_replica_tells_for_how_long_it_has_not_heard_about_keys(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    # The metric of the process is shared with whatever else runs in it.
    monkeypatch.setattr("valetkey.storage.postgres.caches.jwk_set_cache.JWKS_AGE", Mock(set=told.append))
    await installation.rotate()
    replica = JwkSetCache(
        installation.database, replica_id="r1", service="introspection", poll_interval=POLL, clock=installation.clock
    )
    await replica.start()

    async with installation.holding("LOCK TABLE published_jwk_set IN ACCESS EXCLUSIVE MODE"):
        installation.clock.now += timedelta(minutes=10)
        await installation.observer.execute("NOTIFY valetkey_keys")
        await until(partial(told_of, told, 600))
    told.clear()
    await installation.observer.execute("NOTIFY valetkey_keys")
    await until(partial(told_of, told, 0))
    await replica.close()

    assert 600 not in told[told.index(0) :]


async def told_of(told: Sequence[float], seconds: float) -> bool:
    return seconds in told
