"""Workers end together, and with whoever supervises them."""

import signal

import psutil
import pytest

from support.eventually import eventually
from support.supervised_service import SECONDS, Start, SupervisedService, knocking


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_sigterm_under_load_loses_no_request_where_another_replica_is(start_service: Start) -> None:
    first, second = start_service(), start_service()
    for each in (first, second):
        await each.until_ready()

    async with knocking(f"{first.url}/jwks", f"{second.url}/jwks") as outcomes:

        async def has_begun() -> bool:
            return outcomes.answered > 50

        await eventually(has_begun)
        code = await first.end()

    assert code == 0
    assert outcomes.failures == []
    assert len(first.said("draining")) == 2


async def test_readiness_goes_off_before_anybody_stops(start_service: Start) -> None:
    service = start_service(drain_delay="60s")
    await service.until_ready()

    service.process.send_signal(signal.SIGTERM)
    await service.until_said("draining", 2)

    assert await service.get("/readyz") == (503, "draining\n")
    assert (await service.get("/livez"))[0] == 200
    async with knocking(f"{service.url}/jwks", clients=1) as outcomes:

        async def is_answered() -> bool:
            return outcomes.answered > 5

        await eventually(is_answered)
    assert outcomes.failures == []


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_hurries(start_service: Start, second: signal.Signals) -> None:
    service = start_service(drain_delay="300s")
    await service.until_ready()
    service.process.send_signal(signal.SIGTERM)
    await service.until_said("draining", 2)

    code = await service.end(second)

    assert code == 0


async def test_ctrl_c_does_not_wait_for_endpoints_to_be_withdrawn(start_service: Start) -> None:
    service = start_service(drain_delay="300s")
    await service.until_ready()

    code = await service.end(signal.SIGINT)

    assert code == 0


async def test_a_worker_that_does_not_stop_is_killed(start_service: Start) -> None:
    service = start_service(drain_delay="0", shutdown_grace="0")
    await service.until_ready()
    service.workers[0].suspend()

    code = await service.end()

    assert code == 1
    assert len(service.said("a worker did not stop in time and is killed")) == 1


async def test_no_worker_outlives_a_supervisor_that_is_killed(service: SupervisedService) -> None:
    workers = service.workers

    service.process.kill()
    _, left = psutil.wait_procs(workers, SECONDS)

    assert len(workers) == 2
    assert left == []


async def test_nor_does_a_worker_that_has_not_begun_to_serve(start_service: Start) -> None:
    service = start_service()
    await service.until_said("a worker starts", 2)
    workers = service.workers

    service.process.kill()
    _, left = psutil.wait_procs(workers, SECONDS)

    assert len(workers) == 2
    assert left == []
