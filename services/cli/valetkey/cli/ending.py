"""Ends clients and users in both stores, so that a failure half-way can be repaired by typing the command again."""

from __future__ import annotations

from uuid import UUID

from valetkey.cli.failure import NotFound
from valetkey.cli.store import Publish, Stores
from valetkey.storage.postgres.tables.client_lifecycle import ClientEndings
from valetkey.storage.postgres.tables.user_lifecycle import UserEndings


async def disable_client(stores: Stores, client_id: str, publish: Publish) -> None:
    """Refuse the client and everything it was given. Raises ``NotFound``."""
    ended = await ClientEndings(stores.database).disable(client_id, stores.clock())
    if ended is None:
        raise NotFound(f"There is no client {client_id} any more.")
    await publish(ended)


async def delete_client(stores: Stores, client_id: str, publish: Publish) -> None:
    """Forget the client, once Redis knows that it has ended: what is gone could not be ended again."""
    await disable_client(stores, client_id, publish)
    await publish(await ClientEndings(stores.database).delete(client_id, stores.clock()) or ())


async def disable_user(stores: Stores, subject: UUID, publish: Publish) -> None:
    """Refuse the user, and end every session and grant. Raises ``NotFound``."""
    ended = await UserEndings(stores.database).disable(subject, stores.clock())
    if ended is None:
        raise NotFound(f"There is no user {subject} any more.")
    await publish(ended)


async def delete_user(stores: Stores, subject: UUID, publish: Publish) -> None:
    """Forget the user, once Redis knows that he has been ended."""
    await disable_user(stores, subject, publish)
    await publish(await UserEndings(stores.database).delete(subject, stores.clock()) or ())


async def set_password(stores: Stores, subject: UUID, password_hash: str, publish: Publish) -> None:
    """Give the user another password, and end every session and grant. Raises ``NotFound``."""
    ended = await UserEndings(stores.database).set_password(subject, password_hash, stores.clock())
    if ended is None:
        raise NotFound(f"There is no user {subject} any more.")
    await publish(ended)
