"""Which client is asking, proven the way it registered for. OAuth 2.1 §2.4."""

from dataclasses import dataclass

from aiohttp import web

from valetkey.core.client import Client
from valetkey.core.client_authentication import authenticate_client, presented_credentials
from valetkey.core.errors import InvalidClient
from valetkey.core.params import Params
from valetkey.core.ports import ClientFinder, Clock
from valetkey.runtime import audit
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.metrics import CLIENT_AUTHENTICATIONS


@dataclass(frozen=True, slots=True)
class ClientAuthenticator:
    """Authenticates confidential clients and identifies public ones, and counts how it went."""

    clients: ClientFinder
    clock: Clock

    async def authenticate(self, request: web.Request, params: Params) -> Client:
        """The client. Raises ``InvalidClient``, or ``InvalidRequest`` where it cannot be told how it meant to."""
        presented = presented_credentials(request.headers.getall("Authorization", ()), params)
        found = await self.clients.find(presented.client_id)
        try:
            client = authenticate_client(presented, found, self.clock())
        except InvalidClient as error:
            CLIENT_AUTHENTICATIONS.add(presented.method, "failure")
            audit.emit(
                audit.AuditEvent(
                    type="client.authentication",
                    outcome="failure",
                    reason=error.reason,
                    client_id=presented.client_id,
                    address=caller_address(),
                )
            )
            raise
        CLIENT_AUTHENTICATIONS.add(presented.method, "success")
        return client
