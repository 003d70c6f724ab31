"""Clients and their secrets. RFC 7591 §2."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from valetkey.administration.allowed_groups import unknown_groups
from valetkey.administration.errors import NotFound, Refused
from valetkey.administration.registration import (
    change_problems,
    changed_client,
    creation_problems,
    new_client,
    registration_problems,
    with_new_defaults,
)
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import Client, ClientSecret
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.postgres.tables.client_secrets import ClientSecrets
from valetkey.storage.postgres.tables.clients import ClientRecord, Clients

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation, Publish

LONGEST_OVERLAP = timedelta(days=90)
_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client that may be registered, and the secret that it gets. The secret never prints."""

    client: Client
    secret: str | None = field(default=None, repr=False)


async def get_client(installation: Installation, client_id: str) -> ClientRecord:
    """The client. Raises ``NotFound``."""
    record = await Clients(installation.database).find_record(client_id)
    if record is None:
        raise NotFound("client", client_id)
    return record


async def list_clients(installation: Installation) -> list[ClientRecord]:
    """Every client."""
    return list(await Clients(installation.database).list())


async def prepare_client(installation: Installation, client_id: str | None, fields: Mapping[str, object]) -> NewClient:
    """A client with these fields that may be registered, with a secret of 256 bits where it is confidential.

    Nothing is stored, so that the secret can be handed over before the store learns of it. Without ``client_id`` one is
    made up. Raises ``Refused`` with every problem.
    """
    client = with_new_defaults(new_client(client_id or secrets.token_hex(_ID_BYTES), fields), None)
    await _require_sound(installation, client, creation_problems(client))
    if client.is_public:
        return NewClient(client)
    secret = generate_secret()
    return NewClient(replace(client, secrets=(ClientSecret(secret_digest(secret)),)), secret)


async def register_client(installation: Installation, new: NewClient) -> ClientRecord:
    """Store a prepared client. Raises ``storage`` ``Conflict`` where the name is taken."""
    now = installation.clock()
    with installation.audited("client.created", client_id=new.client.client_id):
        await Clients(installation.database).insert(new.client, now)
    # Not read back: a failure from here on must not keep the secret from the operator who waits for it.
    return ClientRecord(new.client, None, now, now)


async def change_client(installation: Installation, record: ClientRecord, fields: Mapping[str, object]) -> None:
    """Give the client other values for these fields. Raises ``Refused`` with every problem."""
    client = changed_client(record.client, fields)
    # What only ends a client, or accepts it again, is possible whatever a release before this one let it have.
    if client != record.client:
        await _require_sound(installation, client, change_problems(record.client, client), record.client.resource)
        with installation.audited("client.updated", client_id=client.client_id):
            await Clients(installation.database).update(client, installation.clock(), record.managed_by)


async def enable_client(installation: Installation, client_id: str) -> None:
    """Accept a disabled client again. What has ended stays ended."""
    with installation.audited("client.enabled", client_id=client_id):
        await ClientLifecycle(installation.database).enable(client_id, installation.clock())


async def disable_client(installation: Installation, client_id: str, publish: Publish) -> None:
    """Refuse the client and everything it was given; doing it again tells Redis again. Raises ``NotFound``."""
    with installation.audited("client.disabled", client_id=client_id):
        await _disable(installation, client_id, publish)


async def delete_client(installation: Installation, client_id: str, publish: Publish) -> None:
    """Forget the client, once Redis knows that it has ended: what is gone could not be ended again."""
    with installation.audited("client.deleted", client_id=client_id):
        await _disable(installation, client_id, publish)
        ended = await ClientLifecycle(installation.database).delete(client_id, installation.clock())
        await publish(ended or ())


async def _disable(installation: Installation, client_id: str, publish: Publish) -> None:
    ended = await ClientLifecycle(installation.database).disable(client_id, installation.clock())
    if ended is None:
        raise NotFound("client", client_id)
    await publish(ended)


async def rotate_secret(installation: Installation, client: Client, digest: bytes, overlap: timedelta) -> datetime:
    """Give a client another secret, of which ``digest`` is the SHA-256. Until when the newest old one counts as well.

    Raises ``NotFound``.
    """
    now = installation.clock()
    with installation.audited("client.secret_rotated", client_id=client.client_id):
        if not await ClientSecrets(installation.database).rotate(client.uid, digest, now, now + overlap):
            raise NotFound("client", client.client_id)
    return now + overlap


async def _require_sound(
    installation: Installation, client: Client, also: list[str], old_resource: str | None = None
) -> None:
    catalog = await CatalogStore(installation.database).get()
    if old_resource != client.resource:
        others = {name: server for name, server in catalog.resources.items() if name != old_resource}
        catalog = replace(catalog, resources=others)
    settings = installation.settings
    problems = registration_problems(client, catalog, settings.issuer, settings.installation_rules) + also
    problems += await unknown_groups(installation.database, client)
    if problems:
        raise Refused(f"The client {client.client_id} cannot be registered like this:", *problems)
