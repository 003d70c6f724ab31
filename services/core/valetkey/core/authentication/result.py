"""What a login proved: who, when, how. OIDC Core §2."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class Authentication(NamedTuple):
    """One login of one user in one browser. ``session_id`` is the ``sid`` claim."""

    subject: UUID
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    session_id: UUID
