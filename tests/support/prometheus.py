"""A real Prometheus with our rules, where it is installed (Debian: ``prometheus``)."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alert_rules import rule_files
from valetkey.demo.free_port import LOOPBACK, free_port

_INTERVAL = "1s"
_START_SECONDS = 20
_END_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where it answers."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What its API answers."""
        with urllib.request.urlopen(  # noqa: S310 - an address of ours
            f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def series(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression yields now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, and how its last evaluation went."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@contextmanager
def running_prometheus(directory: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Scrapes ``targets``, host and port by name of the pod, and evaluates our rules every second.

    The test is skipped where there is no Prometheus.
    """
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no prometheus on PATH (Debian: prometheus)")
    address = f"{LOOPBACK}:{free_port()}"
    _write_configuration(directory, targets)
    process = subprocess.Popen(
        [
            program,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        prometheus = Prometheus(f"http://{address}")
        _wait(f"{prometheus.url}/-/ready")
        yield prometheus
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _write_configuration(directory: Path, targets: Mapping[str, str]) -> None:
    for file in rule_files():
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in content["groups"]:
            group["interval"] = _INTERVAL
        (directory / file.name).write_text(yaml.safe_dump(content), encoding="utf-8")
    static = [{"targets": [each], "labels": {"namespace": "test", "pod": pod}} for pod, each in targets.items()]
    configuration = {
        "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
        "rule_files": [str(directory / file.name) for file in rule_files()],
        "scrape_configs": [{"job_name": "valetkey", "static_configs": static}],
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")


def _wait(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of ours
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
