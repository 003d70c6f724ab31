"""Several workers share one port, and look like one service from outside."""

import asyncio

import psutil
from aiohttp import ClientSession
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from support.eventually import eventually
from support.operator_cli import Operator
from support.supervised_service import Start, SupervisedService, knocking

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


async def samples_of(service: SupervisedService) -> list[Sample]:
    async with (
        ClientSession(headers=OPENMETRICS) as session,
        session.get(f"{service.management_url}/metrics") as answer,
    ):
        text = await answer.text()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]  # type: ignore[no-untyped-call]


async def test_every_worker_gets_its_share_of_connections(service: SupervisedService) -> None:
    async with knocking(f"{service.url}/jwks") as outcomes:

        async def both_have_served() -> bool:
            name = "http_server_request_duration_seconds_count"
            return {each.labels["worker"] for each in await samples_of(service) if each.name == name} == {"0", "1"}

        await eventually(both_have_served)

    assert outcomes.failures == []
    assert len(service.workers) == 2
    assert await service.get("/livez") == (200, "ok\n")
    assert await service.get("/readyz") == (200, "ready\n")


async def test_every_sample_says_whose_it_is_and_exemplars_arrive(start_service: Start) -> None:
    service = start_service(trace_sample_ratio="1", otlp_endpoint="http://127.0.0.1:9/v1/traces")
    await service.until_ready()
    async with knocking(f"{service.url}/jwks") as outcomes:
        await asyncio.sleep(0.2)

    samples = await samples_of(service)

    assert outcomes.answered
    assert {sample.labels.get("worker") for sample in samples} == {"0", "1"}
    assert [each for each in samples if each.exemplar is not None and len(each.exemplar.labels["trace_id"]) == 32]


async def test_every_worker_reports_the_keys_that_it_serves(service: SupervisedService, operator: Operator) -> None:
    async def both_have_reported() -> bool:
        keys = await asyncio.to_thread(operator.json, "keys", "list")
        return {key["replicas"] for key in keys} == {"2/2"}

    await eventually(both_have_reported, 20)

    assert len(service.workers) == 2


async def test_one_worker_is_a_process_without_a_supervisor(start_service: Start, operator: Operator) -> None:
    service = start_service(workers="1")
    await service.until_said("listening")
    management_url = service.said("listening")[0]["management_url"]

    async with ClientSession() as session, session.get(f"{management_url}/metrics") as answer:
        text = await answer.text()

    assert psutil.Process(service.process.pid).children() == []
    assert "worker=" not in text
    assert await service.end() == 0


async def test_a_port_that_a_supervisor_holds_is_nobody_elses(service: SupervisedService, start_service: Start) -> None:
    port = service.url.rpartition(":")[2]

    second, lonely = start_service(port=port), start_service(port=port, workers="1")

    assert await second.ended() == 1
    assert "in use" in second.said("cannot listen")[0]["error"]
    assert await lonely.ended() == 1
    assert await service.is_ready()


async def test_a_management_port_that_is_taken_is_said_so(service: SupervisedService, start_service: Start) -> None:
    second = start_service(management_port=service.management_url.rpartition(":")[2])

    code = await second.ended()

    assert code == 1
    assert "in use" in second.said("cannot listen")[0]["error"]
