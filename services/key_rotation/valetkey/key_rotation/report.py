"""What a run did, and what it is waiting for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """The kids that a run touched. A new key that signs at once is both created and activated.

    ``next_rotation`` is when the first active key is due; ``held_back_by`` names the replicas for whose sake a key that
    is due has not been replaced yet.
    """

    created: tuple[str, ...] = ()
    activated: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    resealed: tuple[str, ...] = ()
    next_rotation: datetime | None = None
    held_back_by: tuple[str, ...] = ()

    @property
    def changes(self) -> dict[str, tuple[str, ...]]:
        """What was done, by what it is called, in the order in which it happens to a key."""
        return {
            "created": self.created,
            "activated": self.activated,
            "retired": self.retired,
            "deleted": self.deleted,
            "resealed": self.resealed,
        }
