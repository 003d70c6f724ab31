"""What the terminal shows once the demo is ready: addresses, and what to sign in with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from valetkey.cli.demo.registration import Registration

STARTING = "DEMO  Valetkey starts on this computer, for trying things out. Ctrl-C ends it."
_INDENT = "  "
_GAP = "   "


def summary(registration: Registration, directory: Path) -> str:
    """One table of addresses and credentials, in lines of plain text."""
    addresses = registration.addresses
    rows: list[Sequence[str]] = [
        ("Start here", f"{addresses.tour}/"),
        ("Issuer", addresses.issuer),
        ("Discovery", f"{addresses.issuer}/.well-known/openid-configuration"),
        ("API", addresses.resource),
        (),
        *(("Sign in as" if not number else "", f"{user.username}{_GAP}{user.password}")
          for number, user in enumerate(registration.users)),
        (),
        *(("Client" if not number else "", text) for number, text in enumerate(_clients(registration))),
        (),
        ("For programs", str(directory / "demo.json")),
        ("Logs, audit", f"{directory / 'log'}, {directory / 'audit'}: look up a trace id there"),
    ]  # fmt: skip
    banner = "DEMO  Valetkey is ready. Only this computer can reach it, and nothing is kept."
    return "\n".join(["", banner, "", *_table(rows), "", f"{_INDENT}Ctrl-C ends it.", ""])


def _clients(registration: Registration) -> Iterable[str]:
    rows = [
        (registered.client.client_id, registered.secret or "public, no secret", registered.client.client_name)
        for registered in registration.clients.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = list(rows)
    width = max(len(row[0]) for row in rows if row)
    return [f"{_INDENT}{row[0].ljust(width)}{_GAP}{row[1]}".rstrip() if row else "" for row in rows]
