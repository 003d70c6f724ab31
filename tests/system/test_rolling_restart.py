"""Every replica is restarted, one after the other, under load."""

import asyncio
import sys
import time

import pytest

from support.composition import Composition
from support.containers import SERVICES, docker, inspect
from support.steady_load import SteadyLoad

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(900)]

# The drain and the grace for requests in flight, and some.
GRACE_SECONDS = 40
HEALTHY_SECONDS = 120


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_a_rolling_restart_under_load_loses_no_request(composed: Composition) -> None:
    load = SteadyLoad(composed.party, login_seconds=1.2)
    replicas = [container for service in SERVICES for container in composed.replicas_of(service)]

    async with load.running():
        codes = [await asyncio.to_thread(restart, container) for container in replicas]

    sys.stderr.write(f"\n{dict(load.done)} beside {len(codes)} restarts; {len(load.failures)} failed\n")
    assert load.failures == []
    assert codes == [0] * 2 * len(SERVICES)
    # How many there are depends on how fast replicas start; each restart had some of each kind beside it.
    assert all(load.done[kind] >= len(codes) for kind in ("login", "client credentials", "introspection", "refresh"))


def restart(container: str) -> int:
    """Stop it as an orchestrator does, start it and wait until it is healthy; the exit code it left with."""
    docker("stop", "--time", str(GRACE_SECONDS), container)
    code = int(inspect(container)["State"]["ExitCode"])
    docker("start", container)
    deadline = time.monotonic() + HEALTHY_SECONDS
    while inspect(container)["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < deadline, docker("logs", "--tail", "20", container).stderr
        time.sleep(0.2)
    return code
