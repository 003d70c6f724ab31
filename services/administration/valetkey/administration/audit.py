"""Audit events of what operators do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from valetkey.runtime.telemetry.audit import AuditEvent, emit


@contextmanager
def audited(event: str, actor: str, **about: str) -> Iterator[None]:
    """Write an audit event about the block, whether it succeeds or fails.

    ``about`` are fields of ``AuditEvent``, such as ``client_id``. ``actor`` is the operator.
    """
    described = AuditEvent(type=event, outcome="success", actor=actor, **about)  # type: ignore[arg-type]
    try:
        yield
    except BaseException as error:
        emit(replace(described, outcome="failure", reason=type(error).__name__))
        raise
    emit(described)


def record(event: str, actor: str, **about: str) -> None:
    """Write an audit event about what has been done."""
    with audited(event, actor, **about):
        pass
