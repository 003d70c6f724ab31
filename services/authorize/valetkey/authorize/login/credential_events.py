"""What operators are told of changes to what a user signs in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import CREDENTIAL_CHANGES

if TYPE_CHECKING:
    from valetkey.core.authentication.factor import Method
    from valetkey.core.authentication.user import User


def record_added(user: User, client_id: str, method: Method) -> None:
    """Put into the audit stream that the user has set up a method, on the way to a client or on the account page."""
    CREDENTIAL_CHANGES.add(method, "added")
    audit.emit(
        audit.AuditEvent(
            type="credential.added",
            outcome="success",
            reason=method,
            subject=user.sub,
            client_id=client_id,
            address=caller_address(),
        )
    )
