"""How long everything takes in the life of a signing key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """The durations a plan is made with, and the algorithms that are kept ready.

    ``signer_staleness`` is how long a token replica that is cut off from PostgreSQL may go on signing with a key that
    has been retired: until it has forgotten the last client it knew.
    """

    algorithms: tuple[str, ...]
    jwks_max_age: timedelta
    activation_margin: timedelta
    active_period: timedelta
    replica_timeout: timedelta
    token_lifetime: timedelta
    signer_staleness: timedelta

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The policy of an installation."""
        staleness = settings.key_poll_interval + settings.client_cache_lifetime + settings.client_stale_lifetime
        return cls(
            algorithms=settings.signing_algorithms,
            jwks_max_age=timedelta(seconds=settings.jwks_max_age),
            activation_margin=timedelta(seconds=settings.key_activation_margin),
            active_period=timedelta(seconds=settings.key_active_period),
            replica_timeout=timedelta(seconds=settings.replica_timeout),
            token_lifetime=timedelta(seconds=max(settings.access_token_lifetime, settings.id_token_lifetime)),
            signer_staleness=timedelta(seconds=staleness),
        )

    @property
    def propagation(self) -> timedelta:
        """How long after a replica took up a key a cache may still hold an older answer of that replica."""
        return self.jwks_max_age + self.activation_margin

    @property
    def retirement(self) -> timedelta:
        """How long after its retirement a key may still have to verify a token."""
        return self.signer_staleness + self.token_lifetime + self.activation_margin
