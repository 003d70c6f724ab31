import asyncio
import re

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from valetkey.runtime.settings import Settings
from valetkey.runtime.telemetry import (
    Tracing,
    begin_trace,
    create_tracing,
    current_span_id,
    current_trace_id,
    parse_traceparent,
    span,
)

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return create_tracing(Settings(trace_sample_ratio=1.0), "token", exporter)


def test_every_task_has_its_own_trace_id() -> None:
    async def request() -> tuple[str, str]:
        begun = begin_trace()
        await asyncio.sleep(0)
        return begun, current_trace_id()

    async def several() -> list[tuple[str, str]]:
        return await asyncio.gather(*(asyncio.create_task(request()) for _ in range(50)))

    ids = asyncio.run(several())

    assert all(begun == current and re.fullmatch("[0-9a-f]{32}", begun) for begun, current in ids)
    assert len({begun for begun, _ in ids}) == 50


def test_without_an_endpoint_nothing_is_sampled_and_child_spans_are_nothing() -> None:
    tracing = create_tracing(Settings(trace_sample_ratio=1.0), "token")

    assert not tracing.samples()
    with span("SELECT client"):
        assert current_span_id() == ""
    with pytest.raises(RuntimeError), tracing.server_span("POST /token", "", public=True):
        pass


def test_the_share_of_sampled_requests_follows_the_settings(exporter: InMemorySpanExporter) -> None:
    never = create_tracing(Settings(trace_sample_ratio=0.0), "token", exporter)
    tenth = create_tracing(Settings(trace_sample_ratio=0.1), "token", exporter)

    assert not any(never.samples() for _ in range(1000))
    assert 500 < sum(tenth.samples() for _ in range(10_000)) < 1500


@pytest.mark.requirement("security 48: nothing that a stranger sends becomes our trace")
def test_a_public_route_starts_a_new_root_that_links_to_the_caller(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    with tracing.server_span("POST /token", CALLER, public=True):
        inside = current_trace_id()
        with span("SELECT client", {"db.system.name": "postgresql"}):
            pass

    child, server = exporter.get_finished_spans()
    assert server.context is not None
    assert f"{server.context.trace_id:032x}" == inside != CALLER.split("-")[1]
    assert server.parent is None
    assert [f"{link.context.trace_id:032x}" for link in server.links] == [CALLER.split("-")[1]]
    assert child.parent == server.context


def test_an_internal_route_continues_the_trace_of_its_caller(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with tracing.server_span("POST /token", CALLER, public=False):
        assert current_trace_id() == CALLER.split("-")[1]

    (server,) = exporter.get_finished_spans()
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == CALLER.split("-")[2]


@pytest.mark.requirement("security 51: no secret in spans")
def test_an_exception_leaves_no_words_in_the_span(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    def fail() -> None:
        with tracing.server_span("POST /token", "", public=True), span("child"):
            raise ValueError("canary")

    with pytest.raises(ValueError, match="canary"):
        fail()

    assert "canary" not in "".join(finished.to_json() for finished in exporter.get_finished_spans())


def test_after_a_request_no_child_span_is_made(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with tracing.server_span("POST /token", "", public=True):
        pass
    with span("stray"):
        pass

    assert [finished.name for finished in exporter.get_finished_spans()] == ["POST /token"]


@pytest.mark.requirement("W3C Trace Context §3.2: a malformed traceparent is ignored")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47_6-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
    ],
)
def test_a_malformed_traceparent_is_ignored(value: str) -> None:
    assert parse_traceparent(value) is None


def test_a_sound_traceparent_is_understood() -> None:
    context = parse_traceparent(CALLER)

    assert context is not None
    assert context.is_remote
    assert context.trace_flags.sampled


def test_where_traces_go_is_taken_from_settings_alone() -> None:
    tracing = create_tracing(Settings(otlp_endpoint="http://127.0.0.1:9/v1/traces", trace_sample_ratio=1.0), "token")

    assert tracing.samples()
    tracing.shutdown()
