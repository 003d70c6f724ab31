"""A worker that ends is replaced, and all of them are when somebody asks."""

import secrets
import signal
from pathlib import Path

import psutil
import pytest

from support.eventually import eventually
from support.supervised_service import Start, SupervisedService, knocking


async def test_a_worker_that_is_killed_is_replaced_and_the_others_serve_meanwhile(service: SupervisedService) -> None:
    killed, other = service.workers
    killed.kill()
    psutil.wait_procs([killed])

    async with knocking(f"{service.url}/jwks") as outcomes:
        ready_at_once = await service.is_ready()
        await service.until_said("listening", 3)

    (line,) = service.said("a worker has ended")
    assert ready_at_once
    assert outcomes.failures == []
    assert (line["level"], line["pid"], line["ending"]) == ("error", killed.pid, "killed by SIGKILL")
    assert "memory" in line["advice"]
    assert other in service.workers
    assert len(service.workers) == 2
    assert {each["slot"] for each in service.said("a worker starts")} == {0, 1}


async def test_a_worker_that_hangs_makes_the_service_unready_and_not_alive(service: SupervisedService) -> None:
    hanging = service.workers[0]
    hanging.suspend()

    ready, alive = await service.get("/readyz"), await service.get("/livez")
    _, metrics = await service.get("/metrics")
    hanging.resume()

    assert ready[0] == alive[0] == 503
    assert "does not answer" in ready[1]
    assert "does not answer" in alive[1]
    assert 'worker="1"' in metrics
    await service.until_ready()


@pytest.mark.slow
async def test_a_worker_that_hangs_for_half_a_minute_is_replaced(service: SupervisedService) -> None:
    hanging = service.workers[0]
    hanging.suspend()

    await service.until_said("a worker has stopped answering and is killed")
    await service.until_said("listening", 3)
    await service.until_ready()

    assert service.said("a worker has stopped answering and is killed")[0]["pid"] == hanging.pid
    assert service.said("a worker has ended")[0]["ending"] == "killed by SIGKILL"
    assert len(service.workers) == 2


async def test_settings_that_cannot_be_used_any_more_end_everything(start_service: Start, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    service = start_service("token", refresh_token_keys="", refresh_token_keys_file=str(keys))
    await service.until_ready()
    keys.write_text("too short", encoding="utf-8")

    service.workers[0].kill()
    code = await service.ended()

    assert code == 78
    assert len(service.said("a worker cannot use its settings; all stop")) == 1


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_sighup_replaces_every_worker_without_losing_a_request(service: SupervisedService) -> None:
    before = service.workers

    async with knocking(f"{service.url}/jwks") as outcomes:
        service.process.send_signal(signal.SIGHUP)
        await service.until_said("every worker is new")
        ready_after = await service.is_ready()

    assert outcomes.failures == []
    assert outcomes.answered > 50
    assert ready_after
    assert not {each.pid for each in before} & {each.pid for each in service.workers}
    assert len(service.workers) == 2


async def test_sighup_with_settings_that_cannot_be_used_leaves_everything_as_it_was(
    start_service: Start, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    service = start_service("token", refresh_token_keys="", refresh_token_keys_file=str(keys))
    await service.until_ready()
    before = service.workers
    keys.write_text("too short", encoding="utf-8")

    service.process.send_signal(signal.SIGHUP)
    await service.until_said("a new worker does not become ready; the others stay as they are")

    async def as_before() -> bool:
        return service.workers == before

    await eventually(as_before)
    assert await service.is_ready()
