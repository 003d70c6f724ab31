"""Carries out a plan. Applying again after a failure finishes what was left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace

from valetkey.administration.apply.change import ClientChange, Kind, Plan, UserChange
from valetkey.administration.apply.declaration import Declaration
from valetkey.administration.apply.people_execute import (
    HandOver,
    end_users,
    hash_passwords,
    read_people,
    record_people,
    write_people,
)
from valetkey.administration.apply.plan import Stored
from valetkey.administration.audit import record
from valetkey.administration.clients import delete_client, disable_client, enable_client, rotate_secret
from valetkey.administration.errors import Conflict
from valetkey.administration.installation import Installation, Publish
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import ClientSecret
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.groups import Groups


async def read_stored(database: Executor, declaration: Declaration, owner: str) -> Stored:
    """What is registered now, as far as it concerns the file and its owner."""
    records = await Clients(database).list()
    return Stored(
        {record.client.client_id: record for record in records},
        await CatalogStore(database).get(),
        await read_people(database, declaration, owner),
        tuple(await CatalogStore(database).list_attributes()),
    )


@dataclass(frozen=True, slots=True)
class Execution:
    """Carries out one plan.

    ``plan_again`` makes the plan from what is stored at the last moment. ``hand_over`` takes a client and the secret
    generated for it, ``hand_over_password`` a user and the password, and keeps it once its block has succeeded; None
    where none is generated.
    """

    installation: Installation
    declaration: Declaration
    plan: Plan
    plan_again: Callable[[Stored], Plan]
    owner: str
    hand_over: HandOver | None = None
    hand_over_password: HandOver | None = None

    async def run(self) -> None:
        """Change everything. Registrations change together or not at all; secrets and endings follow one by one.

        Raises ``Conflict`` if registrations changed since the plan was made.
        """
        endings: tuple[ClientChange | UserChange, ...] = (*self.plan.clients, *self.plan.users)
        ends_something = any(change.ends_something for change in endings)
        async with self.installation.revoking() if ends_something else nullcontext(_nothing_ends) as publish:
            await self._register()
            for change in self.plan.clients:
                if change.kind is Kind.UPDATE:
                    await self._exchange_secret(change)
                    await self._switch(change, publish)
            for change in self.plan.clients:
                if change.kind is Kind.DELETE:
                    await delete_client(self.installation, change.name, publish)
            await end_users(self.installation, self.plan, publish)

    async def _register(self) -> None:
        with ExitStack() as files:
            digests = {
                change.name: self._digest(change, files) for change in self.plan.clients if change.kind is Kind.CREATE
            }
            hashes = hash_passwords(self.installation, self.plan, self.hand_over_password, files)
            with self.installation.audited("clients.applied"):
                async with self.installation.database.transaction("clients.apply") as transaction:
                    await Groups(transaction).lock()
                    stored = await read_stored(transaction, self.declaration, self.owner)
                    if self.plan_again(stored) != self.plan:
                        raise Conflict("Registrations changed meanwhile; apply the file again.")
                    await self._write(transaction, digests)
                    await write_people(self.installation, transaction, self.plan, self.owner, hashes)
        for change in self.plan.clients:
            if change.kind is not Kind.DELETE:
                record(f"client.{change.kind}d", self.installation.actor, client_id=change.name)
        for scope in self.plan.scopes:
            record(f"scope.{scope.kind}d", self.installation.actor, scope=scope.name)
        for attribute in self.plan.attributes:
            record(f"attribute.{attribute.kind}d", self.installation.actor, attribute=attribute.name)
        record_people(self.installation, self.plan, hashes)

    async def _write(self, transaction: Executor, digests: dict[str, bytes | None]) -> None:
        catalog, now = CatalogStore(transaction), self.installation.clock()
        for attribute in self.plan.attributes:
            if attribute.kind is Kind.DELETE:
                await catalog.delete_attribute(attribute.name, now)
        for scope in self.plan.scopes:
            if scope.kind is Kind.DELETE and not scope.cascades:
                await catalog.delete_scope(scope.name)
        await self._write_clients(transaction, digests)
        for scope in self.plan.scopes:
            if scope.after is not None:
                await catalog.put_scope(scope.after)
        for attribute in self.plan.attributes:
            if attribute.after is not None:
                await catalog.put_attribute(attribute.after, self.owner)

    async def _write_clients(self, transaction: Executor, digests: dict[str, bytes | None]) -> None:
        clients, now = Clients(transaction), self.installation.clock()
        for change in self.plan.clients:
            if change.after is None:
                continue
            client = change.after.client
            if change.before is not None:
                await clients.update(replace(client, uid=change.before.client.uid), now, self.owner)
            else:
                digest = digests[change.name]
                secrets = () if digest is None else (ClientSecret(digest),)
                await clients.insert(replace(client, secrets=secrets), now, self.owner)

    async def _exchange_secret(self, change: ClientChange) -> None:
        if change.before is None or change.after is None:
            return
        with ExitStack() as files:
            digest = self._digest(change, files)
            if digest is not None:
                await rotate_secret(self.installation, change.before.client, digest, change.after.secret_overlap)

    async def _switch(self, change: ClientChange, publish: Publish) -> None:
        for field in change.fields:
            if field.name != "enabled":
                continue
            if field.after:
                await enable_client(self.installation, change.name)
            else:
                await disable_client(self.installation, change.name, publish)

    def _digest(self, change: ClientChange, files: ExitStack) -> bytes | None:
        """Of the secret that the client is to have; one that is made here is handed over."""
        if not change.generates_secret or self.hand_over is None:
            return change.secret_digest
        secret = generate_secret()
        files.enter_context(self.hand_over(change.name, secret))
        return secret_digest(secret)


async def _nothing_ends(_revocations: object) -> None:
    """A plan that ends nothing needs no Redis."""
