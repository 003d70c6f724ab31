"""What grants report, as metrics and audit events."""

from uuid import UUID

from valetkey.core.client.client import Client
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import CODE_REPLAYS, REFRESH_REUSE

_REVOKED = "the authorization has been revoked"
_FORGOTTEN = f"PostgreSQL has forgotten its last rotation, as after a restore: {_REVOKED}"


class AuditedEvents:
    """``GrantEvents`` for a running service."""

    def code_replayed(self, authorization_id: UUID, client: Client) -> None:
        """See ``GrantEvents``."""
        CODE_REPLAYS.add("revoked")
        self._emit("authorization_code.replayed", authorization_id, client)

    def refresh_token_reused(self, authorization_id: UUID, client: Client) -> None:
        """See ``GrantEvents``."""
        REFRESH_REUSE.add()
        self._emit("refresh_token.reused", authorization_id, client)

    def refresh_token_ahead(self, authorization_id: UUID, client: Client) -> None:
        """See ``GrantEvents``."""
        REFRESH_REUSE.add()
        self._emit("refresh_token.ahead", authorization_id, client, _FORGOTTEN)

    def _emit(self, kind: str, authorization_id: UUID, client: Client, reason: str = _REVOKED) -> None:
        audit.emit(
            audit.AuditEvent(
                type=kind,
                outcome="failure",
                reason=reason,
                client_id=client.client_id,
                authorization_id=str(authorization_id),
                address=caller_address(),
            )
        )
