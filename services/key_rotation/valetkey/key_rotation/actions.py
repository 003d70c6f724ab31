"""What a rotation can do to a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.jose.keys import KeyState


@dataclass(frozen=True, slots=True)
class Create:
    """Make a key, prepared or, where nothing else can sign, active from the start."""

    alg: str
    state: KeyState


@dataclass(frozen=True, slots=True)
class Activate:
    """From now on this key signs."""

    kid: str


@dataclass(frozen=True, slots=True)
class Retire:
    """This key stops signing and stays published until the last token it signed has expired."""

    kid: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Delete:
    """This key is gone, and so is every token it signed."""

    kid: str


Action = Create | Activate | Retire | Delete
