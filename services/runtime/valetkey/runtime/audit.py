"""Audit events: a JSON stream of its own on standard output, apart from the logs. Never a token, only its hash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

from valetkey.core.encoding import b64url_encode
from valetkey.core.json_text import to_json
from valetkey.runtime.redaction import redact
from valetkey.runtime.telemetry import current_trace_id

LOGGER = logging.getLogger("valetkey.audit")
MAX_VALUE_LENGTH = 256
Outcome = Literal["success", "failure"]
_to_ascii_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True, kw_only=True)
class AuditEvent:
    """Who did what to whom, and how it ended. Empty fields are left out of the stream.

    ``type`` is a word such as ``login`` or ``token.issued``; ``actor`` is who acted when that is not the subject, such
    as an operator; ``reason`` is ours and never reaches the wire; ``jti`` is hashed before it is written.
    """

    type: str
    outcome: Outcome
    reason: str = ""
    actor: str = ""
    subject: str = ""
    client_id: str = ""
    grant: str = ""
    scope: str = ""
    amr: tuple[str, ...] = ()
    session_id: str = ""
    authorization_id: str = ""
    address: str = ""
    jti: str = ""


def hash_of(value: str) -> str:
    """SHA-256 of a value, base64url: enough to recognise it, useless to present it."""
    return b64url_encode(hashlib.sha256(value.encode()).digest())


def emit(event: AuditEvent) -> None:
    """Write one event."""
    if LOGGER.isEnabledFor(logging.INFO):
        # Made by hand, because the logger would look up the caller's line, which nobody wants to know here.
        record = logging.LogRecord(LOGGER.name, logging.INFO, "", 0, "", None, None)
        record.__dict__["audit"] = event
        LOGGER.handle(record)


class AuditFormatter(logging.Formatter):
    """One ASCII JSON object per line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The event with its time, trace id and service."""
        event: AuditEvent = record.__dict__["audit"]
        line: dict[str, object] = {
            "log": "audit",
            "time": datetime.fromtimestamp(record.created, UTC).isoformat("T", "milliseconds"),
            "service": self._service,
            "type": event.type,
            "outcome": event.outcome,
        }
        for name, value in (
            ("trace_id", current_trace_id()),
            ("reason", redact(event.reason) if event.reason else ""),
            ("actor", event.actor),
            ("subject", event.subject),
            ("client_id", event.client_id),
            ("grant", event.grant),
            ("scope", event.scope),
            ("amr", event.amr),
            ("session_hash", hash_of(event.session_id) if event.session_id else ""),
            ("authorization_id", event.authorization_id),
            ("address", event.address),
            ("jti_hash", hash_of(event.jti) if event.jti else ""),
        ):
            if value:
                line[name] = value[:MAX_VALUE_LENGTH]
        written = to_json(line)
        # What another alphabet could make of a terminal, or of a parser of lines, is escaped.
        return written.decode("ascii") if written.isascii() else _to_ascii_json(line)


class TurnHandler(logging.StreamHandler[TextIO]):
    """Writes what happened in one turn of the event loop at its end, in one go; at once where no loop runs."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take note, with the time and the trace of now."""
        self._lines.append(self.format(record))
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        """Write what has been noted."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join(lines) + "\n")
            super().flush()


def configure_audit(service: str, stream: TextIO | None = None, *, by_turn: bool = False) -> None:
    """Send audit events to ``stream``, standard output unless told; ``by_turn`` of the event loop, or each at once."""
    handler = (TurnHandler if by_turn else logging.StreamHandler)(stream or sys.stdout)
    handler.setFormatter(AuditFormatter(service))
    LOGGER.handlers[:] = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)
