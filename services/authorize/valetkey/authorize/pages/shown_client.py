"""What the login and consent pages show of a client: fields that everyone may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valetkey.core.client.client import Client


@dataclass(frozen=True, slots=True)
class ShownClient:
    """``logo_uri`` is None where the client has no logo."""

    name: str
    logo_uri: str | None = None


def shown_client(client: Client) -> ShownClient:
    """How pages show a client."""
    return ShownClient(client.client_name, client.logo_uri)
