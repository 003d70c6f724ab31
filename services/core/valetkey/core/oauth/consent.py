"""Consent: what a user has agreed to let a client do. OIDC Core §3.1.2.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.client.client import ConsentPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Consent:
    """The scopes, resources and single claims a user has agreed to for one client."""

    scope: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()

    def covers(self, asked: Consent) -> bool:
        """Whether nothing new is asked for."""
        return asked.scope <= self.scope and asked.resources <= self.resources and asked.claims <= self.claims

    def join(self, other: Consent) -> Consent:
        """Both together."""
        return Consent(self.scope | other.scope, self.resources | other.resources, self.claims | other.claims)


class KeptConsent(NamedTuple):
    """What a user has agreed to, with its epoch: a withdrawal raises it, see ``core.epoch``."""

    consent: Consent
    epoch: int


def asked_consent(scope: Iterable[str], resources: Iterable[str], claims: Iterable[str]) -> Consent:
    """What an authorization request would have the user agree to."""
    return Consent(frozenset(scope), frozenset(resources), frozenset(claims))


def must_ask(policy: ConsentPolicy, remembered: KeptConsent | None, asked: Consent, prompt: frozenset[str]) -> bool:
    """Whether the user has to be shown the consent page. OAuth 2.1 §7.3.1, OIDC Core §3.1.2.4.

    Where it need not be, there may still be nothing remembered: of a client that is trusted.
    """
    match policy:
        case ConsentPolicy.TRUSTED:
            # Deviates from OIDC Core §3.1.2.1 (SHOULD) on prompt=consent: the operator has agreed in the user's place.
            return False
        case ConsentPolicy.ASK:
            return True
        case ConsentPolicy.REMEMBER:
            return "consent" in prompt or remembered is None or not remembered.consent.covers(asked)
