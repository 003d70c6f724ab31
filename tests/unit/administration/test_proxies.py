"""What ``valetkey doctor`` says of proxies."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.sound_settings import load
from valetkey.administration.diagnosis.finding import Status
from valetkey.administration.diagnosis.proxies import (
    examine_outbound,
    examine_proxies_in_front,
    examine_trusted_proxies,
)
from valetkey.runtime.settings.environment import outbound_proxy
from valetkey.runtime.telemetry.span_export import SpanExport, create_resource
from valetkey.runtime.telemetry.trace import Trace

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
COLLECTOR = "http://collector.example:4318/v1/traces"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("networks", "status", "words"),
    [
        (None, Status.SKIPPED, "services have their own"),
        ("10.244.0.0/16,fd00::/8", Status.WARNING, "fd00::/8 is wide"),
        ("10.0.0.0/8,fd00:1234::/32", Status.OK, "believed from 10.0.0.0/8, fd00:1234::/32"),
        ("8.0.0.0/6", Status.WARNING, "8.0.0.0/6 is wide"),
        ("10.0.0.0/8,0.0.0.0/0", Status.FAILED, "0.0.0.0/0 is every address"),
        ("::/0", Status.FAILED, "::/0 is every address"),
    ],
)
def test_trusted_proxies_are_named_and_weighed(networks: str | None, status: Status, words: str) -> None:
    found = examine_trusted_proxies(load(trusted_proxies=networks).trusted_proxies)

    assert (found.status, words in found.detail) == (status, True)


def test_what_arrives_is_told_for_each_service() -> None:
    findings = examine_proxies_in_front({"http://a:9090/metrics": 0, "http://b:9090/metrics": 3, "http://c/": None})

    assert [found.status for found in findings] == [Status.OK, Status.FAILED, Status.FAILED]
    assert "http://b:9090/metrics: in 3 minute(s)" in findings[1].detail
    assert "VALETKEY_TRUSTED_PROXIES" in findings[1].next_step
    assert "shows no metrics of a service" in findings[2].detail


def test_without_variables_there_is_no_proxy() -> None:
    (found,) = examine_outbound(load(otlp_endpoint=COLLECTOR))

    assert (found.status, found.detail) == (Status.OK, "no variable names one")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_what_goes_through_a_proxy_is_told_without_its_password(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://user:canary@proxy.example:3128")

    (found,) = examine_outbound(load(otlp_endpoint=COLLECTOR))

    assert found.status is Status.WARNING
    assert f"{name}: VALETKEY_OTLP_ENDPOINT through proxy.example:3128" in found.detail
    assert "PostgreSQL, Redis and the issuer are asked directly" in found.detail
    assert "NO_PROXY" in found.next_step
    assert "canary" not in found.detail


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128"}, COLLECTOR),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": ".example"}, COLLECTOR),
    ],
)
def test_a_proxy_that_nothing_goes_through_is_named_all_the_same(
    variables: dict[str, str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    (found,) = examine_outbound(load(otlp_endpoint=endpoint))

    assert found.status is Status.OK
    assert next(iter(variables)) in found.detail
    assert "obeyed by the export of traces and metrics alone" in found.detail


def test_variables_that_the_driver_reads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")
    monkeypatch.setenv("PGPASSWORD", "canary")
    monkeypatch.setenv("PGTZ", "UTC")

    _, found = examine_outbound(load())

    assert found.status is Status.WARNING
    assert found.detail.startswith("PGPASSWORD, PGSSLMODE: ")
    assert "canary" not in found.detail


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The URL of a server, and the first line of each request that it refuses."""
    lines: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


def send_one_span(export: SpanExport) -> None:
    trace = Trace()
    trace.sample()
    export.internal_span(trace, "rotation", time.perf_counter(), "")
    export.shutdown()


async def test_the_export_of_traces_goes_where_the_doctor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy() as (url, lines):
        monkeypatch.setenv("HTTP_PROXY", url)
        export = SpanExport.to_collector(COLLECTOR, create_resource("token", "0", "test"))

        await asyncio.to_thread(send_one_span, export)

        assert outbound_proxy(COLLECTOR) == url
        assert lines
        assert lines[0].startswith(b"POST http://collector.example:4318/v1/traces ")
