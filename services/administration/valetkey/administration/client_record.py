"""A client as commands print it: named as in RFC 7591 §2, and never a secret."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from valetkey.core.client import metadata
from valetkey.core.client.client import Client
from valetkey.core.client.metadata_field import Field, Kind
from valetkey.core.client.rules import client_rules
from valetkey.core.oauth.scope import format_scope

if TYPE_CHECKING:
    from valetkey.core.client.installation_rules import InstallationRules
    from valetkey.storage.postgres.tables.clients import ClientRecord

LIST_COLUMNS = ("client_id", "client_name", "token_endpoint_auth_method", "grant_types", "enabled", "managed_by")
# What a registration consists of, apart from its secrets.
FIELDS = tuple(field.name for field in metadata.FIELDS)


def client_fields(client: Client) -> dict[str, object]:
    """The members of a registration."""
    return {field.name: _shown(field, client) for field in metadata.FIELDS}


def client_record(record: ClientRecord, now: datetime) -> dict[str, object]:
    """Everything an operator may know: instead of the secrets, until when each of them counts."""
    return {
        "client_id": record.client.client_id,
        **client_fields(record.client),
        "secrets": [{"expires_at": secret.expires_at} for secret in record.client.secrets if secret.is_current(now)],
        "managed_by": record.managed_by,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def client_with_rules(record: ClientRecord, now: datetime, installation: InstallationRules) -> dict[str, object]:
    """The same, and which rules the client is held to and why."""
    return client_record(record, now) | {"rules": client_rules(record.client, installation)}


def _shown(field: Field, client: Client) -> object:
    value = getattr(client, field.name)
    if field.kind is Kind.WORDS:
        return format_scope(value)
    return field.kind.stored(value) if field.kind is Kind.MAPPING else value
