"""Audit events of what operators do, on standard error: JSON for collectors, a line on a terminal."""

from __future__ import annotations

import sys

from valetkey.administration import audit
from valetkey.cli.operator_name import operator_name
from valetkey.cli.output import say
from valetkey.runtime.telemetry.audit import AuditEvent, configure_audit, send_audit_to
from valetkey.runtime.telemetry.tracing import begin_trace


def _tell_terminal(event: AuditEvent) -> None:
    named = (("client_id", event.client_id), ("subject", event.subject), ("reason", event.reason))
    about = " ".join(f"{name}={value}" for name, value in named if value)
    say(f"audit: {event.type} {event.outcome} by {event.actor} {about}".rstrip())


def configure_operator_audit() -> None:
    """Send audit events to standard error, all of this command's under one trace id."""
    begin_trace()
    if sys.stderr.isatty():
        send_audit_to(_tell_terminal)
    else:
        configure_audit("cli", sys.stderr)


def record(event: str, **about: str) -> None:
    """Write an audit event about what has been done. The actor is the operating system's user."""
    audit.record(event, operator_name(), **about)
