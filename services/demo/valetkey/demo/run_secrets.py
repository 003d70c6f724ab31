"""Passwords, secrets and keys of one run, or of all runs that keep their data."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from valetkey.core.client.authentication.secret import generate_secret
from valetkey.demo.data_directory import open_private
from valetkey.demo.demo_error import DemoError
from valetkey.demo.password import make_password

NAME = "secrets.json"


@dataclass(slots=True)
class RunSecrets:
    """Each is made when it is asked for first, and stays the same. ``known`` has them by what they are for."""

    known: dict[str, str] = field(default_factory=dict, repr=False)

    def password(self, username: str) -> str:
        """Of a user."""
        return self._get(f"user {username}", make_password)

    def client_secret(self, client_id: str) -> str:
        """Of a client."""
        return self._get(f"client {client_id}", generate_secret)

    def key(self, name: str) -> str:
        """256 random bits, base64url."""
        return self._get(f"key {name}", lambda: secrets.token_urlsafe(32))

    def _get(self, name: str, make: Callable[[], str]) -> str:
        return self.known.setdefault(name, make())


def read_secrets(directory: Path) -> RunSecrets:
    """Those that an earlier run has kept there; none at first. Raises ``DemoError`` where the file is no such thing."""
    path = directory / NAME
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return RunSecrets()
    except ValueError:
        known = None
    if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
        raise DemoError(f"{path} cannot be read: remove {directory} to begin anew.")
    return RunSecrets(known)


def keep_secrets(directory: Path, kept: RunSecrets) -> None:
    """Write them where only we may read them, whole or not at all."""
    path, unfinished = directory / NAME, directory / f"{NAME}.new"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(open_private(unfinished), "w", encoding="utf-8") as file:
        json.dump(kept.known, file, indent=2)
        file.write("\n")
    unfinished.replace(path)
