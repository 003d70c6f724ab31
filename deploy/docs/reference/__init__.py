"""The pages that are made of the code, each by a module of its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.docs.reference import audit_events, claims, command_line, errors, http_api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCE: Mapping[str, Callable[[], str]] = {
    "audit-events.md": audit_events.render,
    "claims.md": claims.render,
    "command-line.md": command_line.render,
    "errors.md": errors.render,
    "http-api.md": http_api.render,
}


def folder() -> Path:
    """Where they are."""
    return Path(__file__).parent
