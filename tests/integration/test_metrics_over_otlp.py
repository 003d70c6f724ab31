"""Metrics for those who do not scrape, as a collector shows them that nobody here wrote."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.rotel import Rotel
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.metric_export import create_metric_export, opentelemetry_name
from valetkey.runtime.telemetry.metrics import DATABASE_MAX, HTTP_REQUEST, TOKENS_ISSUED


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
