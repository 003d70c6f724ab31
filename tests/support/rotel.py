"""Rotel, an independent OpenTelemetry collector, and what it says it has received."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from valetkey.demo.free_port import LOOPBACK, free_port

if TYPE_CHECKING:
    from types import TracebackType

_SECONDS = 30
_FIELD = re.compile(r"^    (Trace ID|Parent ID|ID|Name|Kind|Status code) +: (.*)$")
_ATTRIBUTE = re.compile(r"^     -> ([\w.]+): \w+\((.*)\)$")
_LINK = re.compile(r"^     -> Trace ID: ([0-9a-f]{32})$")


@dataclass(slots=True)
class Span:
    """A span as the collector prints it."""

    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    linked_traces: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name."""
        return self.fields["Name"]

    @property
    def trace_id(self) -> str:
        """The trace it belongs to."""
        return self.fields["Trace ID"]

    @property
    def span_id(self) -> str:
        """Its own id."""
        return self.fields["ID"]

    @property
    def parent_id(self) -> str:
        """Its parent's id, empty for a root."""
        return self.fields["Parent ID"]

    @property
    def service(self) -> str:
        """Who sent it."""
        return self.resource["service.name"]


class Rotel:
    """Start with ``with Rotel(directory) as collector``; ``endpoint`` takes OTLP over HTTP."""

    def __init__(self, directory: Path) -> None:
        self._output = directory / "rotel.txt"
        self._port = free_port()

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    _binary(),
                    "start",
                    *("--otlp-http-endpoint", f"{LOOPBACK}:{self._port}"),
                    *("--otlp-grpc-endpoint", f"{LOOPBACK}:{free_port()}"),
                    *("--exporter", "blackhole", "--disable-batching"),
                    *("--debug-log", "traces", "--debug-log", "metrics", "--debug-log-verbosity", "detailed"),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for("Starting Rotel")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_SECONDS)

    @property
    def endpoint(self) -> str:
        """Where OTLP goes, without the path of a signal."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def text(self) -> str:
        """Everything that it has printed: whatever it received, in full."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has printed this."""
        deadline = time.monotonic() + _SECONDS
        while text not in self.text:
            assert self._process.poll() is None, self.text
            assert time.monotonic() < deadline, f"the collector never said {text!r}: {self.text[-2000:]}"
            time.sleep(0.05)

    @property
    def spans(self) -> list[Span]:
        """The spans it has received."""
        return _spans(self.text)


def _binary() -> str:
    spec = find_spec("rotel")
    if spec is None or spec.origin is None:
        pytest.skip("there is no rotel for this platform or this Python: no collector to send traces to")
    return str(Path(spec.origin).parent / "rotel-agent")


def _spans(text: str) -> list[Span]:
    spans: list[Span] = []
    resource: dict[str, str] = {}
    target: dict[str, str] = resource
    for line in text.splitlines():
        if line.startswith("ResourceSpans "):
            target = resource = {}
        elif line.startswith("Span #"):
            spans.append(Span(resource=resource))
            target = spans[-1].attributes
        elif (found := _FIELD.match(line)) and spans:
            spans[-1].fields[found[1]] = found[2].strip()
        elif found := _LINK.match(line):
            spans[-1].linked_traces.append(found[1])
        elif found := _ATTRIBUTE.match(line):
            target[found[1]] = found[2]
    return spans
