"""What operators are told of what a user has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit

if TYPE_CHECKING:
    from valetkey.core.authentication.session import Session


def record_change(event: str, session: Session, *, reason: str = "", client_id: str = "", ended: str = "") -> None:
    """Put a change into the audit stream; ``ended`` is another session of the user that it was about."""
    audit.emit(
        audit.AuditEvent(
            type=event,
            outcome="success",
            reason=reason,
            subject=session.user.sub,
            client_id=client_id,
            amr=session.strength.amr,
            session_id=ended or str(session.session_id),
            address=caller_address(),
        )
    )
