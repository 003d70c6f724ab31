"""What the terminal shows once the demo is ready: addresses, and what to sign in with."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from valetkey.core.routes import OPENID_CONFIGURATION
from valetkey.demo.environment_file import NAME as ENVIRONMENT_FILE
from valetkey.demo.own_application import APPLY, CREATE
from valetkey.demo.registration import DemoClient, Registration

STARTING = "DEMO  Valetkey starts on this computer, for trying things out. Ctrl-C ends it."
_INDENT = "  "
_GAP = "   "


def summary(
    registration: Registration, directory: Path, certificate: Path | None = None, *, keeps: bool = False
) -> list[str]:
    """One table of addresses and credentials, in lines of plain text."""
    environment_file = shlex.quote(str(directory.absolute() / ENVIRONMENT_FILE))
    addresses = registration.addresses
    rows: list[Sequence[str]] = [
        ("Start here", f"{addresses.tour}/"),
        ("Issuer", addresses.issuer),
        ("Discovery", f"{addresses.issuer}{OPENID_CONFIGURATION.path}"),
        *([] if certificate is None else [("Certificate", _how_to_trust(certificate))]),
        ("API", addresses.resource),
        ("Inbox", f"{addresses.inbox}/    mail to users"),
        (),
        *_titled("Sign in as", ((user.username, user.password, user.name) for user in registration.users)),
        (),
        *_titled("Client", map(_client, registration.clients.values())),
        (),
        ("Your own app", f". {environment_file}    in another shell; then, for example:"),
        ("", f"{CREATE[0]} \\"),
        ("", CREATE[1].strip()),
        ("", f"{APPLY}    for a page of deploy/recipes"),
        (),
        ("For programs", str(directory / "demo.json")),
        ("Logs, audit", f"{directory / 'log'}, {directory / 'audit'}: look up a trace id there"),
    ]
    kept = f"what you register is kept in {directory / 'kept'}" if keeps else "nothing is kept (--keep)"
    banner = f"DEMO  Valetkey is ready. Only this computer can reach it, and {kept}."
    return ["", banner, "", *_table(rows), "", f"{_INDENT}Ctrl-C ends it.", ""]


def _how_to_trust(certificate: Path) -> str:
    """OpenSSL, and with it Python, curl and Go programs, look there."""
    return f"SSL_CERT_FILE={shlex.quote(str(certificate.absolute()))} before a command"


def _client(registered: DemoClient) -> Sequence[str]:
    return (registered.client.client_id, registered.secret or "public, no secret", registered.client.client_name)


def _titled(title: str, rows: Iterable[Sequence[str]]) -> Iterable[Sequence[str]]:
    """Rows for the table, of cells that line up; the title stands before the first."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        yield "" if number else title, _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = list(rows)
    width = max(len(row[0]) for row in rows if row)
    return [f"{_INDENT}{row[0].ljust(width)}{_GAP}{row[1]}".rstrip() if row else "" for row in rows]
