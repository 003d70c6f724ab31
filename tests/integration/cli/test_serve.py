"""``valetkey serve``: each service as a process of its own, from start to SIGTERM."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from support.database_roles import as_role
from support.operator_cli import Operator
from valetkey.demo.free_port import free_port

READY_WITHIN = 30.0
GONE_WITHIN = 15.0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - our own service, over http on loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.parametrize(
    ("service", "options"),
    [
        ("authorize", []),
        ("token", []),
        ("introspection", []),
        ("all", []),
        ("token", ["--reuse-port"]),
        ("all", ["--reuse-port"]),
    ],
)
def test_a_service_serves_until_it_is_told_to_end(
    operator: Operator, postgres_dsn: str, service: str, options: list[str], tmp_path: Path
) -> None:
    operator.succeed("rotate-keys")
    management = free_port()
    variables = operator.with_variables(
        port="0",
        management_port=str(management),
        cookie_keys=secrets.token_urlsafe(32),
        refresh_token_keys=secrets.token_urlsafe(32),
        drain_delay="0",
        postgres_dsn=as_role(postgres_dsn, "compact" if service == "all" else service),
    ).environment
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}

    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "valetkey.cli", "serve", service, *options],
            env={**inherited, **variables},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not answers(f"http://127.0.0.1:{management}/readyz") and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        ended = process.wait(GONE_WITHIN)
    finally:
        process.kill()
        process.wait()

    assert time.monotonic() < deadline, (tmp_path / "log").read_text()
    log_text = (tmp_path / "log").read_text()
    assert ended == 0, log_text
    assert log_text.count('"message":"draining"') == 1
