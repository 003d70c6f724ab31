"""Processes that share the port of a service with ``--reuse-port``, and are restarted one after the other."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.database_roles import as_role
from support.eventually import eventually
from support.operator_cli import Operator
from support.shared_port import SECONDS, ServiceProcess, Start, load, running
from valetkey.demo.free_port import free_port

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux distributes the connections of a port over processes"
)


@pytest.fixture
def operator(postgres_dsn: str, redis_url: str) -> Operator:
    return Operator(
        {
            "VALETKEY_ISSUER": "https://id.example.com",
            "VALETKEY_POSTGRES_DSN": postgres_dsn,
            "VALETKEY_REDIS_URL": redis_url,
            "VALETKEY_KEY_ENCRYPTION_KEYS": f"test:{secrets.token_urlsafe(32)}",
        }
    )


@pytest.fixture
def start(operator: Operator, postgres_dsn: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that shares one port with the others; of introspection, unless told otherwise."""
    operator.succeed("rotate-keys")
    count, port = itertools.count(), free_port()
    keys = {name: secrets.token_urlsafe(32) for name in ("cookie_keys", "refresh_token_keys", "sealing_keys")}
    with ExitStack() as stack:

        def start(service: str = "introspection", **changes: str) -> ServiceProcess:
            settings = {
                "port": str(port),
                "management_port": str(free_port()),
                "reuse_port": "true",
                "drain_delay": "200ms",
                "postgres_dsn": as_role(postgres_dsn, service),
                **keys,
            }
            variables = dict(operator.with_variables(**{**settings, **changes}).environment)
            return stack.enter_context(running(service, variables, tmp_path / f"log-{next(count)}"))

        yield start


async def requests_answered_by(process: ServiceProcess) -> float:
    _, text = await process.get("/metrics")
    counts = re.findall(r"^http_server_request_duration_seconds_count\{.*\} (\S+)$", text, re.MULTILINE)
    return sum(map(float, counts))


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_processes_that_are_restarted_one_after_the_other_lose_no_request(start: Start) -> None:
    processes = [start(), start()]
    for each in processes:
        await each.until_ready()

    async with load(f"{processes[0].url}/jwks") as outcomes:
        await outcomes.until_answered(50)
        for place, old in enumerate(processes):
            code = await old.end()
            processes[place] = new = start(management_port=old.management_url.rpartition(":")[2])
            await new.until_ready()
            await outcomes.until_answered(50)
            assert code == 0

    assert outcomes.failures == []
    assert all(each.process.poll() is None for each in processes)


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_processes_that_are_every_service_lose_no_request_of_any(start: Start) -> None:
    processes = [start("compact"), start("compact")]
    for each in processes:
        await each.until_ready()

    # Keys from memory, and a page.
    async with load(f"{processes[0].url}/jwks", 8) as keys, load(f"{processes[0].url}/", 8) as pages:
        await pages.until_answered(50)
        for place, old in enumerate(processes):
            code = await old.end()
            processes[place] = new = start("compact", management_port=old.management_url.rpartition(":")[2])
            await new.until_ready()
            for outcomes in (keys, pages):
                await outcomes.until_answered(50)
            assert code == 0

    assert keys.failures == pages.failures == []
    assert all(each.process.poll() is None for each in processes)


async def test_connections_go_to_all_of_them_and_each_counts_its_own(start: Start) -> None:
    processes = [start(), start()]
    for each in processes:
        await each.until_ready()

    async with load(f"{processes[0].url}/jwks") as outcomes:

        async def both_have_served() -> bool:
            return all([await requests_answered_by(each) for each in processes])

        await eventually(both_have_served, SECONDS)

    assert outcomes.failures == []
    assert sum([await requests_answered_by(each) for each in processes]) == outcomes.answered


async def test_readiness_of_the_one_that_stops_goes_off_before_it_does(start: Start) -> None:
    stopping, staying = start(drain_delay="60s"), start()
    for each in (stopping, staying):
        await each.until_ready()

    stopping.process.send_signal(signal.SIGTERM)
    await stopping.until_said("draining")

    assert await stopping.get("/readyz") == (503, "draining\n")
    assert await staying.get("/readyz") == (200, "ready\n")
    assert await stopping.end(signal.SIGINT) == 0


async def test_every_process_reports_the_keys_that_it_serves(start: Start, operator: Operator) -> None:
    for each in (start(), start()):
        await each.until_ready()

    async def replicas() -> set[str]:
        return {key["replicas"] for key in await asyncio.to_thread(operator.json, "keys", "list")}

    async def both_have_reported() -> bool:
        return await replicas() == {"2/2"}

    await eventually(both_have_reported, SECONDS)
    assert await replicas() == {"2/2"}


async def test_a_process_that_cannot_serve_yet_does_not_join_the_port(start: Start, operator: Operator) -> None:
    serving = start()
    await serving.until_ready()
    waiting = start(postgres_dsn="postgresql://valetkey@127.0.0.1:1/valetkey")

    async def is_up() -> bool:
        return (await waiting.get("/readyz"))[0] == 503

    await eventually(is_up, SECONDS)
    async with load(f"{serving.url}/jwks") as outcomes:
        await outcomes.until_answered(100)

    assert outcomes.failures == []
    assert (await waiting.get("/readyz"))[1].startswith("starting")
    assert await waiting.end() == 0


@pytest.mark.parametrize(
    ("first", "second", "advice"),
    [
        ({"reuse_port": "false"}, {}, "start every process of the service with --reuse-port"),
        ({}, {"reuse_port": "false"}, "stop that process, choose another VALETKEY_PORT, or start every process"),
    ],
    ids=["the first does not share", "the second does not share"],
)
async def test_a_port_that_is_not_shared_by_both_is_refused_with_what_to_do(
    start: Start, first: dict[str, str], second: dict[str, str], advice: str
) -> None:
    serving = start(**first)
    await serving.until_ready()

    refused = start(**second)
    code = await refused.ended()

    (line,) = refused.said("cannot listen")
    assert code == 1
    assert f"127.0.0.1 port {serving.url.rpartition(':')[2]} is taken by another process" in line["error"]
    assert advice in line["error"]
    assert await serving.get("/readyz") == (200, "ready\n")


async def test_a_management_port_is_not_shared(start: Start) -> None:
    serving = start()
    await serving.until_ready()

    refused = start(management_port=serving.management_url.rpartition(":")[2])
    code = await refused.ended()

    (line,) = refused.said("cannot listen")
    assert code == 1
    assert "give every process a VALETKEY_MANAGEMENT_PORT of its own" in line["error"]
