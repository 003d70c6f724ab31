import asyncio
import re

import pytest
from aiohttp import ClientSession
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.http_layer import CANARY, Start, post
from valetkey.runtime.http.server import RunningServer
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.runtime.telemetry.tracing import create_tracing


@pytest.mark.requirement("security 52: metric labels are bounded whatever a caller sends")
async def test_metrics_use_the_route_and_never_what_was_sent(server: RunningServer, http: ClientSession) -> None:
    for path in (f"/echo/{CANARY}", f"/{CANARY}", f"/token?{CANARY}=1"):
        async with http.request("GET", server.url + path):
            pass
    async with http.request("PROPFIND", f"{server.url}/token"):
        pass
    await post(http, server, outcome="refused")

    async with http.get(f"{server.management_url}/metrics") as response:
        text = await response.text()

    assert CANARY not in text
    for labels in (
        {
            "http_request_method": "GET",
            "http_route": "/echo/{name}",
            "http_response_status_code": "200",
            "error_type": "",
        },
        {
            "http_request_method": "GET",
            "http_route": "unmatched",
            "http_response_status_code": "404",
            "error_type": "404",
        },
        {
            "http_request_method": "_OTHER",
            "http_route": "unmatched",
            "http_response_status_code": "405",
            "error_type": "405",
        },
        {
            "http_request_method": "POST",
            "http_route": "/token",
            "http_response_status_code": "400",
            "error_type": "invalid_grant",
        },
    ):
        assert (REGISTRY.get_sample_value("http_server_request_duration_seconds_count", labels) or 0) >= 1, labels


@pytest.mark.requirement("security 51: no secret in spans")
async def test_a_sampled_request_is_a_span_of_its_route_and_the_header_names_its_trace(
    start: Start, http: ClientSession
) -> None:
    exporter = InMemorySpanExporter()
    settings = Settings(port=0, management_port=0, trace_sample_ratio=1.0)
    server = await start(settings, tracing=create_tracing(settings, "token", exporter))

    async with http.get(f"{server.url}/echo/{CANARY}?state={CANARY}", headers={"Cookie": CANARY}) as response:
        trace_id = response.headers["X-Trace-Id"]
    await post(http, server, outcome="refused")

    first, second = exporter.get_finished_spans()
    assert first.name == "GET /echo/{name}"
    assert first.context is not None
    assert f"{first.context.trace_id:032x}" == trace_id
    assert dict(second.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/token",
        "http.response.status_code": 400,
        "error.type": "invalid_grant",
    }
    assert CANARY not in first.to_json() + second.to_json()


async def test_requests_at_the_same_time_have_different_trace_ids(server: RunningServer, http: ClientSession) -> None:
    responses = await asyncio.gather(*(post(http, server) for _ in range(20)))

    ids = {response.headers["X-Trace-Id"] for response in responses}
    assert len(ids) == 20
    assert all(re.fullmatch("[0-9a-f]{32}", trace_id) for trace_id in ids)
