"""The previous release and this one take turns under load, as an upgrade and its roll-back do."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.issued_state import IssuedState
from support.redis_writer import redis_writer
from support.release import Release, install_previous_release, this_release
from support.rolling_installation import RollingInstallation
from support.sealing import setting_of
from support.steady_load import SteadyLoad
from support.stores import create_empty
from support.system import SERVICES
from valetkey.core.sealed_value import VERSION
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.kept.keyspace import code_key

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DATABASE = "valetkey"
KINDS = ("login", "client credentials", "introspection", "refresh", "revocation")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release before this one."""
    return install_previous_release(tmp_path_factory.mktemp("previous") / "release")


@pytest.fixture
def rolling(previous: Release, tmp_path: Path) -> Iterator[RollingInstallation]:
    """An installation of the previous release, with its schema."""
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_empty(postgres, DATABASE)
        with RollingInstallation(postgres.dsn_of(DATABASE), redis.url, previous, tmp_path) as installation:
            yield installation


@pytest.mark.requirement("operations: a release is rolled out and rolled back under load, and no request fails")
async def test_an_upgrade_and_its_roll_back_lose_no_request_and_nothing_in_flight(
    rolling: RollingInstallation, previous: Release
) -> None:
    new, load = this_release(), SteadyLoad(rolling.party)
    assert new.version != previous.version
    assert rolling.versions == both(previous, previous)

    async with load.running():
        await asyncio.to_thread(rolling.run, rolling.operate(new, "migration", "migrate", "up"))
        out = await take_turns(rolling, previous, new)
        back = await take_turns(rolling, new, previous)

    sys.stderr.write(f"\n{dict(load.done)} beside {len(out + back)} replacements; {len(load.failures)} failed\n")
    assert load.failures == []
    assert out + back == [0] * 4 * len(SERVICES)
    assert all(load.done[kind] >= 20 for kind in KINDS), load.done


# How an installation comes to seal what it keeps in Redis, from a release that cannot. The way back is the same: beside
# each other, the replicas of two states take turns in issuing and redeeming.
ROLLED_IN = ("plain,k1", "k1,plain", "k1")


@pytest.mark.requirement(
    "operations: sealing keys are rolled in under load beside the release before, and no request fails"
)
async def test_sealing_is_brought_in_beside_the_release_before_without_losing_anything(
    rolling: RollingInstallation,
) -> None:
    new, load = this_release(), SteadyLoad(rolling.party)

    async with load.running():
        await asyncio.to_thread(rolling.run, rolling.operate(new, "migration", "migrate", "up"))
        forms = [await restart_with(rolling, new, state) for state in ROLLED_IN]

    sys.stderr.write(f"\n{dict(load.done)} beside {len(forms)} states of sealing; {len(load.failures)} failed\n")
    assert load.failures == []
    assert forms == ["plain", "sealed", "sealed"]
    assert all(load.done[kind] >= 20 for kind in KINDS), load.done


async def restart_with(rolling: RollingInstallation, release: Release, state: str) -> str:
    """Both replicas of authorize and token, one by one; the form of what they then leave in Redis.

    In between, what each gives counts with the other.
    """
    sealing = replace(release, settings={**release.settings, "VALETKEY_SEALING_KEYS": setting_of(state)})
    for number in range(2):
        for service in ("token", "authorize"):
            assert await asyncio.to_thread(rolling.run, rolling.replace(service, number, sealing)) == 0
        if number == 0:
            await require_kept_at(rolling, await issued_state(rolling, 0), 1)
            await require_kept_at(rolling, await issued_state(rolling, 1), 0)
    return await form_of_codes(rolling)


async def form_of_codes(rolling: RollingInstallation) -> str:
    """Of a code that was issued just now."""
    party = rolling.party("web")
    code = await party.authorize()
    async with redis_writer(rolling.redis_url) as redis:
        raw = await redis.read(code_key(code.code))
    await party.browser.close()
    return "sealed" if raw[65:].startswith(VERSION) else "plain"


async def take_turns(rolling: RollingInstallation, old: Release, new: Release) -> list[int]:
    """Every replica of the one is replaced by the other; the exit codes. What each gives counts with the other."""
    first = await issued_state(rolling, 0)
    codes = await replace_each(rolling, 0, new)
    assert rolling.versions == both(new, old)
    await require_kept_at(rolling, first, 0)

    await require_kept_at(rolling, await issued_state(rolling, 0), 1)
    await require_kept_at(rolling, await issued_state(rolling, 1), 0)

    last = await issued_state(rolling, 1)
    codes += await replace_each(rolling, 1, new)
    assert rolling.versions == both(new, new)
    await require_kept_at(rolling, last, 1)
    return codes


async def replace_each(rolling: RollingInstallation, number: int, release: Release) -> list[int]:
    return [await asyncio.to_thread(rolling.run, rolling.replace(name, number, release)) for name in SERVICES]


async def issued_state(rolling: RollingInstallation, number: int) -> IssuedState:
    """Given by the replicas of this number."""
    urls = rolling.urls
    party, api = rolling.party("web"), rolling.party("api")
    return await IssuedState.of(party, api, authorize=urls["authorize"][number], token=urls["token"][number])


async def require_kept_at(rolling: RollingInstallation, kept: IssuedState, number: int) -> None:
    await kept.require_kept(**{name: rolling.urls[name][number] for name in SERVICES})
    await kept.close()


def both(first: Release, second: Release) -> dict[str, list[str]]:
    return {name: [first.version, second.version] for name in SERVICES}
