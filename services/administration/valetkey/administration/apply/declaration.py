"""What a file asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from valetkey.core.client.client import Client
from valetkey.core.oauth.resource import RegisteredScope

DEFAULT_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DeclaredClient:
    """A client as it is to be; its ``uid`` and ``secrets`` mean nothing yet.

    ``secret_file`` holds the secret it is to have; without one, a new client gets a generated secret.
    ``secret_overlap`` is how long the old secret counts beside one that replaces it.
    """

    client: Client
    secret_file: Path | None = None
    secret_overlap: timedelta = DEFAULT_OVERLAP


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything that a file asks for, in its order."""

    clients: tuple[DeclaredClient, ...] = ()
    scopes: tuple[RegisteredScope, ...] = ()
