"""What a run did, and what it is waiting for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingKey:
    """A successor of a key that is due, which some verifier may not know yet.

    It takes over at ``not_before`` (UTC) at the earliest, and only once the replicas ``behind`` have served it for as
    long as answers are cached, or have stopped.
    """

    kid: str
    alg: str
    not_before: datetime
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """The kids that a run touched. A new key that signs at once is both created and activated.

    ``next_rotation`` is when the first active key is due; ``held_back_by`` names the replicas for whose sake a key that
    is due has not been replaced yet, and ``waiting`` has the successors of keys that are due, with what they wait for.
    """

    created: tuple[str, ...] = ()
    activated: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    resealed: tuple[str, ...] = ()
    next_rotation: datetime | None = None
    held_back_by: tuple[str, ...] = ()
    waiting: tuple[WaitingKey, ...] = ()

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
