"""Audit events: a JSON stream of its own on standard output, apart from the logs. Never a token, only its hash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TextIO

from valetkey.core.encoding import b64url_encode
from valetkey.core.json_text import to_json
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.telemetry.redaction import redact
from valetkey.runtime.telemetry.tracing import current_trace_id

_LOG = logging.getLogger(__name__)
MAX_VALUE_LENGTH = 256
Outcome = Literal["success", "failure"]
_to_ascii_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True, kw_only=True)
class AuditEvent:
    """Who did what to whom, and how it ended. Empty fields are left out of the stream.

    ``type`` is a word such as ``login`` or ``token.issued``; ``actor`` is who acted when that is not the subject, such
    as an operator; ``inner_group`` is a group in ``group``; ``mail`` is a kind of mail; ``reason`` is ours
    and never reaches the wire; ``jti`` is hashed before it is written.
    """

    type: str
    outcome: Outcome
    reason: str = ""
    actor: str = ""
    subject: str = ""
    client_id: str = ""
    grant: str = ""
    scope: str = ""
    attribute: str = ""
    group: str = ""
    inner_group: str = ""
    mail: str = ""
    amr: tuple[str, ...] = ()
    session_id: str = ""
    authorization_id: str = ""
    address: str = ""
    jti: str = ""


Listener = Callable[[AuditEvent], None]
_listeners: list[Listener] = []


def hash_of(value: str) -> str:
    """SHA-256 of a value, base64url: enough to recognise it, useless to present it."""
    return b64url_encode(hashlib.sha256(value.encode()).digest())


def emit(event: AuditEvent) -> None:
    """Write one event."""
    for listener in _listeners:
        listener(event)


class Lines:
    """One ASCII JSON object per line, each written at once."""

    def __init__(self, service: str, stream: TextIO) -> None:
        self._service = service
        self._stream = stream

    def __call__(self, event: AuditEvent) -> None:
        """Write the event with its time, trace id and service."""
        self._write(self.format(event))

    def format(self, event: AuditEvent) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "log": "audit",
            "time": system_clock().isoformat("T", "milliseconds"),
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
            ("attribute", event.attribute),
            ("group", event.group),
            ("inner_group", event.inner_group),
            ("mail", event.mail),
            ("amr", event.amr),
            ("session_hash", hash_of(event.session_id) if event.session_id else ""),
            ("authorization_id", event.authorization_id),
            ("address", event.address),
            ("jti_hash", hash_of(event.jti) if event.jti else ""),
        ):
            if value:
                line[name] = value[:MAX_VALUE_LENGTH]
        written = to_json(line)
        # What another alphabet could make of a terminal, or of a parser of lines, is escaped; DEL is ASCII to JSON.
        text = written.decode("ascii") if written.isascii() else _to_ascii_json(line)
        return text.replace("\x7f", "\\u007f")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # What has been done stays done.
            _LOG.exception("audit events could not be written")


class LinesByTurn(Lines):
    """Writes what happened in one turn of the event loop at its end, in one go; at once where no loop runs."""

    def __init__(self, service: str, stream: TextIO) -> None:
        super().__init__(service, stream)
        self._noted: list[str] = []

    def __call__(self, event: AuditEvent) -> None:
        """Take note, with the time and the trace of now."""
        self._noted.append(self.format(event))
        if len(self._noted) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write_noted)
        except RuntimeError:
            self._write_noted()

    def _write_noted(self) -> None:
        noted, self._noted = self._noted, []
        self._write("\n".join(noted))


def configure_audit(service: str, stream: TextIO | None = None, *, by_turn: bool = False) -> None:
    """Send audit events to ``stream``, standard output unless told; ``by_turn`` of the event loop, or each at once."""
    send_audit_to((LinesByTurn if by_turn else Lines)(service, stream or sys.stdout))


def send_audit_to(*listeners: Listener) -> None:
    """Send every event to these listeners only."""
    _listeners[:] = listeners


@contextmanager
def audit_told_to(*more: Listener) -> Iterator[None]:
    """Send events to these listeners too, until the end of the block."""
    before = tuple(_listeners)
    send_audit_to(*before, *more)
    try:
        yield
    finally:
        send_audit_to(*before)
