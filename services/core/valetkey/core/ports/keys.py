"""The published keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from valetkey.core.jose.verify_own import KeySet


class KeySetSource(Protocol):
    """The published keys, for telling our own tokens from anything else."""

    @property
    def key_set(self) -> KeySet:
        """The keys, from memory; ``TemporarilyUnavailable`` before the first have been loaded.

        Two calls without a change in between return the same object.
        """
