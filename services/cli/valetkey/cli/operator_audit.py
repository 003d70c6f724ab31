"""Audit events of what operators do, on standard error: JSON for collectors, a line for whoever sits at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from valetkey.cli.operator_name import operator_name
from valetkey.cli.output import say
from valetkey.runtime.telemetry.audit import AuditEvent, configure_audit, emit, send_audit_to
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


@contextmanager
def audited(event: str, **about: str) -> Iterator[None]:
    """Write an audit event about the block, whether it succeeds or fails.

    ``about`` are fields of ``AuditEvent``, such as ``client_id``. The actor is the operating system's user.
    """
    described = AuditEvent(type=event, outcome="success", actor=operator_name(), **about)  # type: ignore[arg-type]
    try:
        yield
    except BaseException as error:
        emit(replace(described, outcome="failure", reason=type(error).__name__))
        raise
    emit(described)


def tell(event: str, **about: str) -> None:
    """Write an audit event about what has been done."""
    with audited(event, **about):
        pass
