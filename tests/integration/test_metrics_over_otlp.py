"""Metrics over OTLP, as an independent collector shows them."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import accumulate
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from support.rotel import Rotel
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric import Level
from valetkey.runtime.telemetry.metric_export import create_metric_export, opentelemetry_name
from valetkey.runtime.telemetry.metrics import DATABASE_MAX, HTTP_REQUEST, TOKENS_ISSUED
from valetkey.runtime.telemetry.metrics_table import table

Labels = tuple[tuple[str, str], ...]


@contextmanager
def collector_of(received: list[ExportMetricsServiceRequest]) -> Iterator[str]:
    """An endpoint that keeps what is sent to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_compressed = self.headers.get("Content-Encoding") == "gzip"
            received.append(ExportMetricsServiceRequest.FromString(gzip.decompress(body) if is_compressed else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/metrics"
        finally:
            server.shutdown()
            serving.join()


def labels_of(attributes: list[KeyValue], **more: str) -> Labels:
    """The attributes of a point, with values as text."""
    told = {each.key: each.value.string_value or str(each.value.int_value) for each in attributes}
    return tuple(sorted({**told, **more}.items()))


def sent(request: ExportMetricsServiceRequest) -> dict[tuple[str, Labels], float]:
    """Every value that was sent, with buckets that count what is below them, as Prometheus has them."""
    found: dict[tuple[str, Labels], float] = {}
    for metric in (each for part in request.resource_metrics for scope in part.scope_metrics for each in scope.metrics):
        for number in [*metric.sum.data_points, *metric.gauge.data_points]:
            value = number.as_int if number.HasField("as_int") else number.as_double
            found[metric.name, labels_of(list(number.attributes))] = value
        for point in metric.histogram.data_points:
            attributes, bounds = list(point.attributes), [*map(str, point.explicit_bounds), "+Inf"]
            found[f"{metric.name}_sum", labels_of(attributes)] = point.sum
            found[f"{metric.name}_count", labels_of(attributes)] = point.count
            for bound, total in zip(bounds, accumulate(point.bucket_counts), strict=True):
                found[f"{metric.name}_bucket", labels_of(attributes, le=bound)] = total
    return found


def shown() -> dict[tuple[str, Labels], float]:
    """Every value that ``/metrics`` shows, under the name that OpenTelemetry has for it."""
    found: dict[tuple[str, Labels], float] = {}
    for metric in table():
        for sample in (each for family in metric.collect() for each in family.samples):
            name = opentelemetry_name(metric.name) + sample.name.removeprefix(metric.name).removesuffix("_total")
            labels = {opentelemetry_name(label): value for label, value in sample.labels.items() if value}
            found[name, tuple(sorted(labels.items()))] = sample.value
    return found


def test_what_arrives_is_what_is_scraped_label_by_label_and_bucket_by_bucket() -> None:
    route = f"/{secrets.token_hex(4)}"
    TOKENS_ISSUED.add("refresh_token", amount=3)
    DATABASE_MAX.set(7, "postgresql")
    for seconds in (0.001, 0.3, 0.3, 60.0):
        HTTP_REQUEST.observe(seconds, "POST", route, "200", "")
    received: list[ExportMetricsServiceRequest] = []

    with collector_of(received) as endpoint:
        export = create_metric_export(Settings(metrics_otlp_endpoint=endpoint), "token")
        before = shown()
        export.shutdown()
        after = shown()

    (request,) = received
    arrived = sent(request)
    # Other systems of this process go on counting meanwhile, and their levels may rise and fall in between.
    moving = {opentelemetry_name(metric.name) for metric in table() if isinstance(metric, Level)} - {
        opentelemetry_name(DATABASE_MAX.name)
    }
    settled = {each: value for each, value in before.items() if after[each] == value and each[0] not in moving}
    assert before.keys() <= arrived.keys() <= after.keys()
    assert {name: arrived[name] for name in settled} == settled
    assert (
        "http.server.request.duration_count",
        labels_of([], **{"http.request.method": "POST", "http.route": route, "http.response.status_code": "200"}),
    ) in settled


def test_a_count_a_level_and_a_duration_arrive_under_their_stable_names(tmp_path: Path) -> None:
    grant = f"grant-{secrets.token_hex(4)}"
    TOKENS_ISSUED.add(grant, amount=3)
    DATABASE_MAX.set(7, "postgresql")
    HTTP_REQUEST.observe(0.3, "POST", f"/{grant}", "200", "")

    with Rotel(tmp_path) as collector:
        endpoint = f"{collector.endpoint}/v1/metrics"
        create_metric_export(Settings(metrics_otlp_endpoint=endpoint), "token").shutdown()
        collector.wait_for("valetkey.tokens_issued")
        text = collector.text

    assert "service.name: Str(valetkey-token)" in text
    assert f"grant: Str({grant})" in text
    for name in ("http.server.request.duration", "db.client.connection.max", "valetkey.tokens_issued"):
        assert re.search(rf"Name +: {re.escape(name)}$|-> Name: {re.escape(name)}$", text, re.MULTILINE), name
    assert "http.response.status_code: Int(200)" in text
    assert "http.request.method: Str(POST)" in text


def test_a_service_sends_them_where_settings_say_and_a_last_time_when_it_ends(
    postgres_dsn: str, redis_url: str, tmp_path: Path
) -> None:
    with Rotel(tmp_path) as collector:
        environment = {
            "PATH": os.environ["PATH"],
            "VALETKEY_ISSUER": "http://127.0.0.1:1",
            "VALETKEY_PORT": "0",
            "VALETKEY_MANAGEMENT_PORT": "0",
            "VALETKEY_DRAIN_DELAY": "0",
            "VALETKEY_POSTGRES_DSN": postgres_dsn,
            "VALETKEY_REDIS_URL": redis_url,
            "VALETKEY_METRICS_OTLP_ENDPOINT": f"{collector.endpoint}/v1/metrics",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "valetkey.introspection"], env=environment, stderr=subprocess.PIPE, text=True
        ) as service:
            assert service.stderr is not None
            for line in service.stderr:
                if "listening" in line:
                    break
            service.send_signal(signal.SIGTERM)
            service.stderr.read()
            assert service.wait(30) == 0
        collector.wait_for("valetkey.build_info")
        text = collector.text

    assert "service.name: Str(valetkey-introspection)" in text
    assert "component: Str(introspection)" in text


def test_a_collector_that_is_away_does_not_keep_a_process_from_ending() -> None:
    export = create_metric_export(Settings(metrics_otlp_endpoint="http://127.0.0.1:9/v1/metrics"), "token")
    began = time.monotonic()

    export.shutdown()

    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("scraped", "name"),
    [
        ("http_server_request_duration_seconds", "http.server.request.duration"),
        ("http_response_status_code", "http.response.status_code"),
        ("db_client_connection_pending_requests", "db.client.connection.pending_requests"),
        ("error_type", "error.type"),
        ("valetkey_event_loop_lag_seconds", "valetkey.event_loop_lag"),
        ("valetkey_login_attempts", "valetkey.login_attempts"),
        ("result", "result"),
    ],
)
def test_names_are_those_of_the_conventions(scraped: str, name: str) -> None:
    assert opentelemetry_name(scraped) == name
