"""The previous release and this one take turns under load, as an upgrade and its roll-back do."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.keepsake import Keepsake
from support.release import Release, install_previous_release, this_release
from support.rolling_installation import RollingInstallation
from support.steady_load import SteadyLoad
from support.stores import create_empty
from support.system import SERVICES
from valetkey.cli.demo.embedded_postgres import EmbeddedPostgres
from valetkey.cli.demo.embedded_redis import EmbeddedRedis

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


async def take_turns(rolling: RollingInstallation, old: Release, new: Release) -> list[int]:
    """Every replica of the one is replaced by the other; the exit codes. What each gives counts with the other."""
    first = await keepsake(rolling, 0)
    codes = await replace_each(rolling, 0, new)
    assert rolling.versions == both(new, old)
    await require_kept_at(rolling, first, 0)

    await require_kept_at(rolling, await keepsake(rolling, 0), 1)
    await require_kept_at(rolling, await keepsake(rolling, 1), 0)

    last = await keepsake(rolling, 1)
    codes += await replace_each(rolling, 1, new)
    assert rolling.versions == both(new, new)
    await require_kept_at(rolling, last, 1)
    return codes


async def replace_each(rolling: RollingInstallation, number: int, release: Release) -> list[int]:
    return [await asyncio.to_thread(rolling.run, rolling.replace(name, number, release)) for name in SERVICES]


async def keepsake(rolling: RollingInstallation, number: int) -> Keepsake:
    """Given by the replicas of this number."""
    urls = rolling.urls
    party, api = rolling.party("web"), rolling.party("api")
    return await Keepsake.of(party, api, authorize=urls["authorize"][number], token=urls["token"][number])


async def require_kept_at(rolling: RollingInstallation, kept: Keepsake, number: int) -> None:
    await kept.require_kept(**{name: rolling.urls[name][number] for name in SERVICES})
    await kept.close()


def both(first: Release, second: Release) -> dict[str, list[str]]:
    return {name: [first.version, second.version] for name in SERVICES}
