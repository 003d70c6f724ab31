"""Clients in memory: see `fakes`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from support.fake_world import FakeWorld
from valetkey.core.client.client import Client
from valetkey.core.oauth.revocation import Revocation, client_target
from valetkey.storage.postgres.tables.revocation_lifetime import IN_FLIGHT


class FakeClients:
    """`ClientFinder`, and what registers clients."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def find(self, client_id: str) -> Client | None:
        self._world.require_presence()
        return self._world.client(client_id)

    async def insert(self, client: Client, now: datetime, managed_by: str | None = None) -> None:  # noqa: ARG002
        ended = self._world.revocations.get(client_target(client.client_id))
        epoch = client.epoch if ended is None else max(client.epoch, ended.epoch or 0)
        self._world.clients[client.uid] = replace(client, epoch=epoch)


class FakeClientLifecycle:
    """Disables, enables and deletes clients."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def disable(self, client_id: str, now: datetime) -> Sequence[Revocation] | None:
        client = self._world.client(client_id)
        if client is None:
            return None
        self._world.clients[client.uid] = replace(client, enabled=False, epoch=client.epoch + 1)
        return self._world.revoke((), now + IN_FLIGHT, client_target(client_id), client.epoch + 1)

    async def enable(self, client_id: str, now: datetime) -> bool:  # noqa: ARG002
        client = self._world.client(client_id)
        if client is None:
            return False
        self._world.clients[client.uid] = replace(client, enabled=True)
        return True

    async def delete(self, client_id: str, now: datetime) -> Sequence[Revocation] | None:
        client = self._world.client(client_id)
        revocations = await self.disable(client_id, now)
        if client is not None:
            del self._world.clients[client.uid]
            self._world.delete_authorizations(lambda kept: kept.new.client_uid == client.uid)
        return revocations
