import asyncio
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from valetkey.runtime.http.limits.rate_limiter import RateLimiter
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry import tracing as module
from valetkey.runtime.telemetry.span_export import MAX_QUEUE, SHUTDOWN_TIMEOUT
from valetkey.runtime.telemetry.traceparent import SpanReference, parse_traceparent, to_traceparent
from valetkey.runtime.telemetry.tracing import (
    CONTINUED_PER_SECOND,
    MAX_OPERATIONS,
    Tracing,
    begin_trace,
    continue_trace,
    create_tracing,
    current_span_id,
    current_trace_id,
    current_traceparent,
    detached_task,
)
from valetkey.storage.redis.client.errors import redis_operation

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID, SPAN_ID = CALLER.split("-")[1:3]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return create_tracing(Settings(trace_sample_ratio=1.0), "token", exporter)


def ids(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def test_every_task_has_its_own_trace_id() -> None:
    async def request() -> tuple[str, str]:
        begun = begin_trace().trace_id
        await asyncio.sleep(0)
        return begun, current_trace_id()

    async def several() -> list[tuple[str, str]]:
        return await asyncio.gather(*(asyncio.create_task(request()) for _ in range(50)))

    found = asyncio.run(several())

    assert all(begun == current and re.fullmatch("[0-9a-f]{32}", begun) for begun, current in found)
    assert len({begun for begun, _ in found}) == 50


def test_without_an_endpoint_nothing_is_sampled() -> None:
    tracing = create_tracing(Settings(trace_sample_ratio=1.0), "token")

    with tracing.run("key_rotation"), redis_operation("codes.put"):
        assert re.fullmatch("[0-9a-f]{32}", current_trace_id())
        assert (current_span_id(), current_traceparent()) == ("", "")
    assert not tracing.samples()


def test_the_share_of_sampled_requests_follows_the_settings(exporter: InMemorySpanExporter) -> None:
    never = create_tracing(Settings(trace_sample_ratio=0.0), "token", exporter)
    tenth = create_tracing(Settings(trace_sample_ratio=0.1), "token", exporter)

    assert not any(never.samples() for _ in range(1000))
    assert 500 < sum(tenth.samples() for _ in range(10_000)) < 1500


def test_a_run_of_a_job_is_a_trace_of_its_own_with_what_it_did(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    with tracing.run("key_rotation"):
        trace_id, span_id = current_trace_id(), current_span_id()
        with redis_operation("codes.put"):
            time.sleep(0.01)

    done, run = exporter.get_finished_spans()
    assert ids(run) == (trace_id, span_id)
    assert (run.name, run.kind, run.parent, run.status.status_code) == (
        "key_rotation",
        SpanKind.INTERNAL,
        None,
        StatusCode.UNSET,
    )
    assert done.parent == run.context
    assert (done.name, done.kind) == ("codes.put", SpanKind.CLIENT)
    assert dict(done.attributes or {}) == {"db.system.name": "redis", "db.operation.name": "codes.put"}
    assert run.start_time is not None
    assert done.start_time is not None
    assert done.end_time is not None
    assert run.start_time <= done.start_time < done.end_time - 9_000_000
    assert abs(run.start_time / 1e9 - time.time()) < 60


@pytest.mark.requirement("security 51: no secret in spans")
def test_an_exception_leaves_its_type_and_no_words_in_the_span(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    def fail() -> None:
        with tracing.run("key_rotation"), redis_operation("codes.put"):
            raise ValueError("canary")

    with pytest.raises(ValueError, match="canary"):
        fail()

    spans = exporter.get_finished_spans()
    assert [(span.attributes or {}).get("error.type") for span in spans] == ["ValueError"] * 2
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}
    assert "canary" not in "".join(finished.to_json() for finished in spans)


def test_what_happens_after_the_end_leaves_no_span(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with tracing.run("key_rotation"):
        pass
    with redis_operation("stray"):
        pass

    assert [finished.name for finished in exporter.get_finished_spans()] == ["key_rotation"]


def test_a_run_that_does_very_much_is_told_up_to_a_bound(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with tracing.run("key_rotation"):
        for _ in range(MAX_OPERATIONS + 50):
            with redis_operation("codes.put"):
                pass

    assert len(exporter.get_finished_spans()) == MAX_OPERATIONS + 1


async def test_a_detached_task_takes_no_trace_along(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    seen = []

    async def work() -> None:
        seen.append(current_trace_id())
        with redis_operation("codes.put"):
            pass

    with tracing.run("key_rotation"):
        await detached_task(work(), "work")
        await asyncio.create_task(work())

    assert [bool(trace_id) for trace_id in seen] == [False, True]
    assert [span.name for span in exporter.get_finished_spans()] == ["codes.put", "key_rotation"]


def test_what_was_left_is_continued_whether_or_not_the_request_was_to_be_sampled() -> None:
    for is_sampled in (False, True):
        trace = begin_trace()
        if is_sampled:
            trace.sample()
        continue_trace(CALLER)
        with redis_operation("codes.put"):
            pass

        assert (current_trace_id(), trace.parent) == (TRACE_ID, SpanReference(TRACE_ID, SPAN_ID))
        assert parse_traceparent(current_traceparent()) == SpanReference(TRACE_ID, current_span_id())
        assert current_span_id() != SPAN_ID
        assert [done.name for done in trace.end()] == ["codes.put"]


@pytest.mark.requirement("security 48: nothing that a caller sends becomes our trace")
def test_repeating_the_pages_of_a_sampled_login_makes_us_trace_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    # One of its own, so that other tests find theirs as it was.
    monkeypatch.setattr(module, "_continued", RateLimiter(CONTINUED_PER_SECOND))

    def continued() -> bool:
        trace = begin_trace()
        continue_trace(CALLER)
        return trace.operations is not None

    started = time.perf_counter()
    count = sum(continued() for _ in range(5_000))
    seconds = time.perf_counter() - started

    assert 0 < count <= CONTINUED_PER_SECOND * (1 + seconds) + 1
    trace = begin_trace()
    trace.sample()
    continue_trace(CALLER)
    assert trace.trace_id == TRACE_ID, "what is sampled anyway belongs where it belongs"


def test_an_allowance_grants_its_rate_and_keeps_one_second_of_it() -> None:
    now = [0.0]
    allowance = RateLimiter(3, lambda: now[0])

    granted = []
    for at in (0.0, 0.5, 100.0):
        now[0] = at
        granted.append([allowance.take() for _ in range(5)].count(True))

    assert granted == [3, 1, 3]


@pytest.mark.parametrize("left", ["", "nonsense", f"00-{TRACE_ID}-{SPAN_ID}-00"])
def test_nothing_is_continued_that_was_not_sampled(left: str) -> None:
    trace = begin_trace()
    before = trace.trace_id

    continue_trace(left)

    assert (trace.trace_id, trace.operations) == (before, None)


def test_outside_of_a_request_there_is_nothing_to_continue() -> None:
    async def work() -> tuple[str, str]:
        continue_trace(CALLER)
        return current_trace_id(), current_traceparent()

    async def apart() -> list[tuple[str, str]]:
        found = []

        async def keep() -> None:
            found.append(await work())

        await detached_task(keep(), "apart")
        return found

    assert asyncio.run(apart()) == [("", "")]


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
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    ],
)
def test_a_malformed_traceparent_is_ignored(value: str) -> None:
    assert parse_traceparent(value) is None


def test_a_sound_traceparent_is_understood_and_written_again() -> None:
    reference = parse_traceparent(CALLER)

    assert reference == SpanReference(TRACE_ID, SPAN_ID, is_sampled=True)
    assert to_traceparent(reference) == CALLER


def test_every_span_says_who_sent_it(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with tracing.run("key_rotation"):
        pass

    (span,) = exporter.get_finished_spans()
    about = dict(span.resource.attributes)
    assert (about["service.name"], about["service.namespace"]) == ("valetkey-token", "valetkey")
    assert about["deployment.environment.name"] == "production"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", str(about["service.version"]))
    assert re.fullmatch(r"[0-9a-f-]{36}", str(about["service.instance.id"]))


class _Silent(BaseHTTPRequestHandler):
    """A collector that takes requests and never answers."""

    def do_POST(self) -> None:
        self.server.done.wait(30)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def silent_collector() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Silent)
    server.done = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces"
    server.done.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.requirement("security 55: a dependency that is away delays no request")
def test_a_collector_that_hangs_delays_neither_requests_nor_the_end(silent_collector: str) -> None:
    tracing = create_tracing(Settings(otlp_endpoint=silent_collector, trace_sample_ratio=1.0), "token")

    started = time.perf_counter()
    for _ in range(MAX_QUEUE * 2):
        with tracing.run("key_rotation"):
            pass
    busy = time.perf_counter() - started
    tracing.shutdown()
    stopping = time.perf_counter() - started - busy

    assert busy < 3
    assert stopping < SHUTDOWN_TIMEOUT + 1
