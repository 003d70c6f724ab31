"""Which client is asking, proven the way it registered for. OAuth 2.1 §2.4."""

from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from valetkey.core.client.authentication.authenticate import authenticate_client, presented_credentials
from valetkey.core.client.authentication.method import PresentedCredentials
from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.oauth.errors import InvalidClient, TooManyRequests
from valetkey.core.oauth.params import Params
from valetkey.core.ports.clients import ClientFinder
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.client_authentication_cache import ClientAuthenticationCache
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import CLIENT_AUTHENTICATIONS

_IN_THE_FORM = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})


class FailureCounter(Protocol):
    """Knows how many failures are too many."""

    async def count(self, client_id: str, address: str) -> None:
        """Count a failure; an empty ``client_id`` names no client. Raises ``TooManyRequests``."""


@dataclass(frozen=True, slots=True)
class ClientAuthenticator:
    """Authenticates confidential clients and identifies public ones, and counts how it went."""

    clients: ClientFinder
    clock: Clock
    failures: FailureCounter
    proven: ClientAuthenticationCache = field(default_factory=ClientAuthenticationCache)

    async def authenticate(self, request: web.Request, params: Params) -> Client:
        """The client. Raises ``InvalidClient``, or ``InvalidRequest`` where it cannot be told how it meant to.

        Raises ``TooManyRequests`` in place of ``InvalidClient`` once too many have failed.
        """
        headers, now = request.headers.getall("Authorization", ()), self.clock()
        if len(headers) == 1 and not params.has_any(_IN_THE_FORM) and (proof := self.proven.find(headers[0])):
            client = await self.clients.find(proof.client.client_id)
            if client is not None and proof.holds(client, now):
                CLIENT_AUTHENTICATIONS.add(AuthenticationMethod.BASIC, "success")
                return client
        try:
            presented = presented_credentials(headers, params)
        except InvalidClient:
            await self.failures.count("", caller_address())
            raise
        found = await self.clients.find(presented.client_id)
        try:
            client = authenticate_client(presented, found, now)
        except InvalidClient as error:
            await self._record(presented, error)
            raise
        CLIENT_AUTHENTICATIONS.add(presented.method, "success")
        if headers:
            self.proven.keep(headers[0], client, now)
        return client

    async def _record(self, presented: PresentedCredentials, error: InvalidClient) -> None:
        address = caller_address()
        try:
            await self.failures.count(presented.client_id, address)
        except TooManyRequests:
            CLIENT_AUTHENTICATIONS.add(presented.method, "limited")
            raise
        CLIENT_AUTHENTICATIONS.add(presented.method, "failure")
        audit.emit(
            audit.AuditEvent(
                type="client.authentication",
                outcome="failure",
                reason=error.reason,
                client_id=presented.client_id,
                address=address,
            )
        )
