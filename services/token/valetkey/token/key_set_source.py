"""The published keys, for telling our own access tokens from anything else."""

from typing import Protocol

from valetkey.core.jwt_verification import KeySet


class KeySetSource(Protocol):
    """The JWK Set as it is published now, from memory."""

    @property
    def key_set(self) -> KeySet:
        """The keys; ``TemporarilyUnavailable`` before the first have been loaded."""
