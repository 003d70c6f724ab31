"""``.demo/demo.json``: what a program needs in order to drive the demo. There only while the demo is ready."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valetkey.core.oauth.scope import format_scope
from valetkey.demo.data_directory import open_private
from valetkey.demo.registration import DemoClient, Registration

NAME = "demo.json"


@contextmanager
def demo_file(directory: Path, registration: Registration, certificate: Path | None = None) -> Iterator[Path]:
    """The file, appearing at once and whole, readable by us alone, and removed at the end of the block."""
    path, unfinished = directory / NAME, directory / f"{NAME}.new"
    with os.fdopen(open_private(unfinished), "w", encoding="utf-8") as file:
        json.dump(demo_document(registration, certificate), file, indent=2)
        file.write("\n")
    unfinished.replace(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def demo_document(registration: Registration, certificate: Path | None = None) -> dict[str, object]:
    """The content, with exactly the members that are promised; ``certificate`` only where the issuer has one."""
    user, clients = registration.users[0], registration.clients
    members = {
        "web": ("client_id", "client_secret", "redirect_uris", "scope"),
        "spa": ("client_id", "redirect_uris", "scope"),
        "machine": ("client_id", "client_secret", "scope"),
        "api": ("client_id", "client_secret", "resource"),
    }
    return {
        "issuer": registration.addresses.issuer,
        "user": {"username": user.username, "password": user.password},
        **({} if certificate is None else {"certificate": str(certificate)}),
        "clients": {name: _client_members(clients[name], wanted) for name, wanted in members.items()},
    }


def _client_members(registered: DemoClient, wanted: tuple[str, ...]) -> dict[str, object]:
    client = registered.client
    members: dict[str, object] = {
        "client_id": client.client_id,
        "client_secret": registered.secret,
        "redirect_uris": list(client.redirect_uris),
        "scope": format_scope(client.scope),
        "resource": client.resource,
    }
    return {name: members[name] for name in wanted}
