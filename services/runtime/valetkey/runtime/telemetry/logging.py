"""Application logs: JSON for machines, lines for terminals, on standard error. Never a secret, never a forged line."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from valetkey.runtime.telemetry.redaction import MASK, is_sensitive, one_line, redact
from valetkey.runtime.telemetry.tracing import current_span_id, current_trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from valetkey.runtime.settings.settings import Settings

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_QUIET = ("asyncio", "aiohttp.access", "aiohttp.client", "alembic.runtime.migration")


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for name, value in record.__dict__.items():
        if name not in _STANDARD and value is not None:
            yield name, MASK if is_sensitive(name) else _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _stack(record: logging.LogRecord) -> str:
    return redact_lines(logging.Formatter().formatException(record.exc_info)) if record.exc_info else ""


def redact_lines(text: str) -> str:
    """Redact line by line, keeping the newest lines of a long traceback."""
    return "\n".join(redact(line) for line in text.splitlines()[-60:])


class JsonFormatter(logging.Formatter):
    """One JSON object per line, with ``trace_id`` and ``span_id`` at the top level."""

    def __init__(self, service: str = "", environment: str = "") -> None:
        super().__init__()
        self._constant = {"service": service, "environment": environment}

    def format(self, record: logging.LogRecord) -> str:
        """The record as ASCII JSON; every line break inside a value is escaped."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            "trace_id": current_trace_id(),
            "span_id": current_span_id(),
            **self._constant,
        }
        line.update((name, value) for name, value in _extras(record) if name not in line)
        if stack := _stack(record):
            line["exception"] = stack
        written = {name: value for name, value in line.items() if value != ""}
        # As the audit stream has it, so that one search reads both.
        text = json.dumps(written, default=str, separators=(",", ":"))
        return text.replace("\x7f", "\\u007f")


class ConsoleFormatter(logging.Formatter):
    """One short line for people, then the traceback if there is one, indented so that it cannot pass for a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text with every control character of a value escaped."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        extras = "".join(f" {name}={one_line(str(value))}" for name, value in _extras(record))
        trace = f" trace_id={trace_id}" if (trace_id := current_trace_id()) else ""
        message = one_line(redact(record.getMessage()))
        line = f"{clock} {record.levelname:<7} {record.name} {message}{extras}{trace}"
        stack = "".join(f"\n    | {one_line(part)}" for part in _stack(record).splitlines())
        return line + stack


def configure_logging(settings: Settings, service: str, stream: TextIO | None = None) -> None:
    """Send all logs to ``stream``, standard error unless told, in the form that settings ask for."""
    stream = stream or sys.stderr
    console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ConsoleFormatter() if console else JsonFormatter(service, settings.environment))
    # No record needs its thread or process: there is one.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # A fault in logging must not print the record, which may be the very thing that is not to be shown.
    logging.raiseExceptions = False
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
