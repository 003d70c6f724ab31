"""What runs without a request is told apart all the same: a job is a trace, a command has a trace id."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

from support.rotel import Rotel


def run(module: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "VALETKEY_LOG_FORMAT": "json",
        "VALETKEY_KEY_ENCRYPTION_KEYS": f"job:{secrets.token_urlsafe(32)}",
        **{f"VALETKEY_{name.upper()}": value for name, value in changes.items()},
    }
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_of_the_key_rotation_job_is_one_trace(postgres_dsn: str, tmp_path: Path) -> None:
    with Rotel(tmp_path) as collector:
        endpoint = f"{collector.endpoint}/v1/traces"
        job = run("valetkey.key_rotation", postgres_dsn=postgres_dsn, otlp_endpoint=endpoint)
        collector.wait_for("Name           : key_rotation")
        spans = collector.spans

    assert job.returncode == 0, job.stderr
    (whole,) = [span for span in spans if span.name == "key_rotation"]
    parts = [span for span in spans if span is not whole]
    assert (whole.service, whole.parent_id) == ("valetkey-key-rotation", "")
    assert whole.fields["Kind"] == "SPAN_KIND_INTERNAL"
    assert "signing_keys.transaction" in {span.name for span in parts}
    assert {span.parent_id for span in parts} == {whole.span_id}
    lines = [json.loads(line) for line in (job.stdout + job.stderr).splitlines()]
    assert "signing_key.created" in {line.get("type") for line in lines}
    assert {line["trace_id"] for line in lines} == {whole.trace_id}


def test_a_collector_that_is_away_does_not_keep_a_job_from_its_work(postgres_dsn: str) -> None:
    job = run("valetkey.key_rotation", postgres_dsn=postgres_dsn, otlp_endpoint="http://127.0.0.1:9/v1/traces")

    assert job.returncode == 0, job.stderr
    assert "signing_key.created" in job.stdout


def test_what_an_operator_does_has_a_trace_id(postgres_dsn: str) -> None:
    command = run(
        "valetkey.cli", "scope", "create", "things:read", "--description", "Read things.", postgres_dsn=postgres_dsn
    )

    assert command.returncode == 0, command.stderr
    (event,) = [json.loads(line) for line in command.stderr.splitlines() if '"audit"' in line]
    assert re.fullmatch("[0-9a-f]{32}", event["trace_id"])
