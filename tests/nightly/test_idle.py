"""What an installation takes while nothing is asked of it, and what a start costs: deploy/sizing.md has the figures."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from support.administration import Administration
from support.chart import CHART
from support.idle_processes import IdleProcess, compile_services, idle_for, idle_processes, new_keys
from support.relying_party import RelyingParty
from support.system import rotate, test_settings
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from valetkey.runtime.settings.settings import Settings

SERVICES = ("authorize", "token", "introspection")
IDLE_SECONDS, LOGINS, LOGINS_AT_A_TIME = 30, 40, 8
MOST_MEBIBYTES, MOST_MILLICORES = 300, 60
MOST_MEBIBYTES_TOGETHER = 150
MOST_SECONDS_OF_A_START, MOST_SECONDS_OF_HELP = 1.0, 0.3
# CPU time, of which a busy machine makes more: what it takes is the least that was seen.
STARTS = 5
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux tells what processes take"),
]


class Installation:
    """Stores with a schema, keys and a first signing key, over which processes can be started."""

    def __init__(self, dsn: str, redis_url: str, bytecode: Path) -> None:
        self._bytecode = bytecode
        self.port = free_port()
        self.issuer = f"http://{LOOPBACK}:{self.port}"
        self._stores = dsn, redis_url
        self._keys = new_keys()
        # Passwords cost what they cost by default.
        costs = {"password_time_cost": "2", "password_memory_cost": "19456"}
        self.settings: Settings = test_settings(self.issuer, dsn, redis_url, **self._keys, **costs)

    def processes(self, *services: str) -> AbstractContextManager[list[IdleProcess]]:
        return idle_processes(services, self.issuer, *self._stores, self._keys, self._bytecode, self.port)


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the modules are compiled, as images have theirs."""
    folder = tmp_path_factory.mktemp("bytecode")
    compile_services(folder)
    return folder


@pytest.fixture
async def installation(postgres_dsn: str, redis_url: str, bytecode: Path) -> Installation:
    made = Installation(postgres_dsn, redis_url, bytecode)
    await rotate(made.settings)
    return made


def replicas_of_the_chart() -> int:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return int(values["services"]["replicas"])


@pytest.mark.requirement("sizing: an idle installation takes at most 300 MiB and 60 m of CPU")
def test_an_installation_as_the_chart_makes_it_idles_on_little(installation: Installation) -> None:
    with installation.processes(*SERVICES * replicas_of_the_chart()) as processes:
        idling = idle_for(processes, IDLE_SECONDS)

    assert len(idling.memory) == 6
    assert idling.private <= MOST_MEBIBYTES, idling
    assert idling.millicores <= MOST_MILLICORES, idling


@pytest.mark.requirement("sizing: all services in one process take at most 150 MiB, at any moment of many logins")
async def test_one_process_that_is_every_service_stays_small_while_people_sign_in(installation: Installation) -> None:
    with installation.processes("compact") as (process,):
        idling = idle_for([process], 5)
        await sign_in(installation)
        after, peak = process.memory, process.peak_resident

    assert idling.memory[0].resident <= MOST_MEBIBYTES_TOGETHER, idling
    assert after.resident <= MOST_MEBIBYTES_TOGETHER, (idling, after)
    assert peak <= MOST_MEBIBYTES_TOGETHER, (idling, after, peak)


async def sign_in(installation: Installation) -> None:
    """So many people, so many at a time, each with whatever follows a login."""
    administration = Administration(installation.settings, system_clock)
    api = RelyingParty(installation.issuer, (await administration.create_catalog())["api"])
    client = await administration.create_web_client()

    async def one_more() -> None:
        party = RelyingParty(installation.issuer, client, await administration.create_user())
        tokens = await party.redeem(await party.authorize(scope="openid api:read"))
        refreshed = await party.refresh(tokens.refresh_token)
        assert (await api.introspect(refreshed.access_token)).active
        assert (await party.userinfo(refreshed.access_token)).status == 200
        await party.browser.close()

    for _ in range(LOGINS // LOGINS_AT_A_TIME):
        await asyncio.gather(*(one_more() for _ in range(LOGINS_AT_A_TIME)))
    await api.browser.close()


@pytest.mark.requirement("sizing: a service is ready after at most 1 s of CPU")
@pytest.mark.parametrize("service", [*SERVICES, "compact"])
def test_a_service_is_ready_soon(installation: Installation, service: str) -> None:
    taken = []
    for _ in range(STARTS):
        with installation.processes(service) as (process,):
            taken.append(process.cpu_until_ready)

    assert min(taken) <= MOST_SECONDS_OF_A_START, taken


@pytest.mark.requirement("sizing: help takes at most 0.3 s of CPU")
def test_help_comes_at_once() -> None:
    program, taken = Path(sys.executable).with_name("valetkey"), []
    for _ in range(STARTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(taken) <= MOST_SECONDS_OF_HELP, taken
